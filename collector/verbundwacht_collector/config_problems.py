"""What can be wrong with the settings: each problem's code, message and cure, in two languages.

Pure data. ConfigError and StoreError are made from an entry here or in `machine_problems` and its
values, never from free text, so what `serve` says, what `check-config` says and what
deploy/README.md lists cannot drift apart. To add one: an entry with a code of its own, raise it,
`make docs`, and something in tests/collector/cli/provoked.py that provokes it; the tests name
what is missing. A code is never used again for something else: people search for it.
"""

from typing import Final

from verbundwacht_collector import machine_problems
from verbundwacht_collector.errors import ConfigProblem

# C1: the file

FILE_MISSING = ConfigProblem(
    "C101",
    "{file} fehlt.",
    "{file} is missing.",
    "Neuen Sammler anlegen: verbundwacht init --dir {folder}",
    "Make a new collector: verbundwacht init --dir {folder}",
)
FILE_UNREADABLE = ConfigProblem(
    "C102",
    "{file} ist nicht lesbar: {reason}.",
    "{file} cannot be read: {reason}.",
    "Rechte prüfen.",
    "Check its permissions.",
)
NOT_TOML = ConfigProblem(
    "C103",
    "{file}, {place}: kein TOML ({reason}).",
    "{file}, {place}: not TOML ({reason}).",
    "Zeile berichtigen.",
    "Correct the line.",
)
NOT_UTF8 = ConfigProblem(
    "C104",
    "{file}, {place}: kein TOML, denn es ist nicht in UTF-8 geschrieben.",
    "{file}, {place}: not TOML, because it is not written in UTF-8.",
    "Zeile berichtigen und die Datei als UTF-8 speichern.",
    "Correct the line and save the file as UTF-8.",
)
UNKNOWN_KEY = ConfigProblem(
    "C105",
    "{file}: unbekannter Schlüssel {key}.",
    "{file}: unknown key {key}.",
    "Möglich sind: {possible}.",
    "Possible are: {possible}.",
)
MISSPELT_KEY = ConfigProblem(
    "C106",
    "{file}: unbekannter Schlüssel {key}.",
    "{file}: unknown key {key}.",
    "Meinten Sie {near}?",
    "Did you mean {near}?",
)
MISPLACED_KEY = ConfigProblem(
    "C107",
    "{file}: Schlüssel {key} steht an der falschen Stelle.",
    "{file}: key {key} is in the wrong place.",
    "Er gehört {place}.",
    "It belongs {place}.",
)
MISSING_KEY = ConfigProblem(
    "C108",
    "{file}: Schlüssel {key} fehlt.",
    "{file}: key {key} is missing.",
    "Bitte ergänzen.",
    "Please add it.",
)
WRONG_VALUE = ConfigProblem(
    "C109",
    "{file}: {key} = {value} passt nicht.",
    "{file}: {key} = {value} does not fit.",
    "Erwartet wird {wanted}.",
    "Expected is {wanted}.",
)

# C2: values that no type can check

OUT_OF_RANGE = ConfigProblem(
    "C201",
    "{file}: {key} = {value} liegt außerhalb der Grenzen.",
    "{file}: {key} = {value} is out of range.",
    "Erlaubt sind {low} bis {high}.",
    "Allowed are {low} to {high}.",
)
BAD_ADDRESS = ConfigProblem(
    "C202",
    "{file}: {key} = {value} ist keine Adresse.",
    "{file}: {key} = {value} is no address.",
    'Form: name:port, etwa "sammler.example:8883" oder "[::]:8883"',
    'Form: name:port, such as "collector.example:8883" or "[::]:8883"',
)
SAME_ADDRESS = ConfigProblem(
    "C203",
    "{file}: {key} und {other} nennen beide Port {port}.",
    "{file}: {key} and {other} both name port {port}.",
    "Einem von beiden einen anderen Port geben.",
    "Give one of them another port.",
)
LOOPBACK_ONLY = ConfigProblem(
    "C204",
    "{file}: web.insecure_loopback gilt nur auf 127.0.0.1, listen.web ist {value}.",
    "{file}: web.insecure_loopback is for 127.0.0.1 only, listen.web is {value}.",
    "Eines von beiden ändern.",
    "Change one of them.",
)
HALF_A_PAIR = ConfigProblem(
    "C205",
    "{file}: {key} ist gesetzt, {other} nicht.",
    "{file}: {key} is set, {other} is not.",
    "Zertifikat und Schlüssel der Seiten gehören zusammen: beide nennen oder keines.",
    "Certificate and key of the pages belong together: name both or neither.",
)
BAD_LANGUAGE = ConfigProblem(
    "C206",
    "VERBUNDWACHT_LANG = {value} ist keine Sprache dieses Programms.",
    "VERBUNDWACHT_LANG = {value} is no language of this program.",
    "Erlaubt sind de und en.",
    "Allowed are de and en.",
)
BAD_PUBLIC_NAME = ConfigProblem(
    "C207",
    "--public {value} ist kein Rechnername.",
    "--public {value} is no host name.",
    "Ohne Port, Umlaute als xn--…, etwa sammler.example oder 10.0.0.7",
    "Without a port, umlauts as xn--…, such as collector.example or 10.0.0.7",
)
METRICS_FOR_ALL = ConfigProblem(
    "C208",
    "{file}: listen.metrics = {value} ist von außen erreichbar und hat keine Anmeldung.",
    "{file}: listen.metrics = {value} can be reached from outside and has no login.",
    'Auf loopback legen, etwa "127.0.0.1:9464"; von außen nur über einen Proxy mit Anmeldung.',
    'Put it on loopback, such as "127.0.0.1:9464"; from outside only through a proxy with a login.',
    warning=True,
)

BAD_BROKER_URL = ConfigProblem(
    "C211",
    "{file}: broker_url = {value} ist keine Adresse eines Brokers.",
    "{file}: broker_url = {value} is no address of a broker.",
    "Form: mqtts://broker.example:8883; unverschlüsselt geht es nicht.",
    "Form: mqtts://broker.example:8883; it cannot be done unencrypted.",
)
BROKER_WITHOUT_URL = ConfigProblem(
    "C212",
    "{file}: der Abschnitt [broker] steht da, broker_url nicht.",
    "{file}: the section [broker] is there, broker_url is not.",
    "broker_url an den Anfang der Datei setzen, oder den Abschnitt streichen.",
    "Put broker_url at the beginning of the file, or remove the section.",
)
BAD_CLIENT_ID = ConfigProblem(
    "C213",
    "{file}: {key} = {value} kann kein Sammler heißen.",
    "{file}: {key} = {value} cannot be the name of a collector.",
    "Bis 64 Zeichen aus A-Z, a-z, 0-9 und ._- nehmen, nicht die Kennung eines Servers.",
    "Take up to 64 characters of A-Z, a-z, 0-9 and ._-, not the id of a host.",
)

NOT_THE_BROKER = ConfigProblem(
    "C214",
    "{file}: der MQTT-Eingang ist zu, public.mqtt = {value} nennt aber noch diesen Sammler.",
    "{file}: the MQTT door is closed, but public.mqtt = {value} still names this collector.",
    "Dort den Broker eintragen, so wie die Server ihn erreichen; sonst bleibt ihnen nur HTTPS.",
    "Enter the broker there, as the hosts reach it; otherwise only HTTPS is left to them.",
    warning=True,
)

# C3, what leaves the house: mail and webhooks

NO_RECIPIENTS = ConfigProblem(
    "C301",
    "{file}: mail.recipients ist leer.",
    "{file}: mail.recipients is empty.",
    "Mindestens eine Adresse nennen.",
    "Name at least one address.",
)
BAD_MAIL = ConfigProblem(
    "C302",
    "{file}: {key} = {value} ist keine E-Mail-Adresse.",
    "{file}: {key} = {value} is no mail address.",
    "Form: soc@example.org",
    "Form: soc@example.org",
)
BAD_WEBHOOK_URL = ConfigProblem(
    "C303",
    "{file}: {key} = {value} ist keine https-Adresse.",
    "{file}: {key} = {value} is no https address.",
    "Form: https://tickets.example/hook",
    "Form: https://tickets.example/hook",
)
PLAIN_WEBHOOK = ConfigProblem(
    "C304",
    "{file}: {key} = {value} ist unverschlüsselt.",
    "{file}: {key} = {value} is not encrypted.",
    "https:// nehmen, oder im eigenen Netz allow_private = true setzen.",
    "Take https://, or in your own network set allow_private = true.",
)
DOUBLE_WEBHOOK = ConfigProblem(
    "C305",
    "{file}: {key} = {value} steht zweimal da.",
    "{file}: {key} = {value} is there twice.",
    "Jedem Webhook einen eigenen Namen geben.",
    "Give each webhook a name of its own.",
)
BAD_WEBHOOK_SECRET = ConfigProblem(
    "C306",
    "{file}: {key} = {value}: kein brauchbares Geheimnis ({reason}).",
    "{file}: {key} = {value}: no usable secret ({reason}).",
    "Form: whsec_ und base64 von 24 bis 64 Byte.",
    "Form: whsec_ and base64 of 24 to 64 bytes.",
)
USER_WITHOUT_PASSWORD = ConfigProblem(
    "C307",
    "{file}: mail.user ist gesetzt, mail.password_file nicht; die Mail geht ohne Anmeldung ab.",
    "{file}: mail.user is set, mail.password_file is not; mail is sent without a login.",
    "Die Datei mit dem Passwort nennen oder mail.user streichen.",
    "Name the file with the password, or remove mail.user.",
    warning=True,
)
PLAIN_PASSWORD = ConfigProblem(
    "C308",
    '{file}: mail.security = "none" überträgt das Passwort von mail.user unverschlüsselt.',
    '{file}: mail.security = "none" sends the password of mail.user unencrypted.',
    'mail.security = "starttls" oder "tls" setzen.',
    'Set mail.security = "starttls" or "tls".',
    warning=True,
)

CONFIG_PROBLEMS: Final = tuple(
    sorted(
        entry
        for entry in (*globals().values(), *vars(machine_problems).values())
        if isinstance(entry, ConfigProblem)
    )
)
"""All of them, by code."""
