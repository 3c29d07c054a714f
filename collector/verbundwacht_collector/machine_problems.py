"""What can be wrong around the settings: keys, database, rule packs, ports, the machine itself.

Pure data, the second half of `config_problems`; that one says how an entry is added.
"""

from verbundwacht_collector.errors import ConfigProblem

# C4: secrets, keys, certificates

SECRET_OPEN = ConfigProblem(
    "C401",
    "{file}: {key}: {path} ist für andere lesbar.",
    "{file}: {key}: others can read {path}.",
    "Rechte setzen: chmod 600 {path}",
    "Set its mode: chmod 600 {path}",
)
SECRET_UNREADABLE = ConfigProblem(
    "C402",
    "{file}: {key}: {path} ist nicht lesbar ({reason}).",
    "{file}: {key}: {path} cannot be read ({reason}).",
    "Pfad und Rechte prüfen.",
    "Check path and permissions.",
)
SECRET_EMPTY = ConfigProblem(
    "C403",
    "{file}: {key}: {path} ist leer oder kein Text.",
    "{file}: {key}: {path} is empty or no text.",
    "Das Geheimnis in die erste Zeile schreiben.",
    "Write the secret into the first line.",
)
KEY_OPEN = ConfigProblem(
    "C411",
    "{path} ist für andere lesbar.",
    "Others can read {path}.",
    "Rechte setzen: chmod {mode} {path}",
    "Set its mode: chmod {mode} {path}",
)
KEY_UNUSABLE = ConfigProblem(
    "C412",
    "Schlüssel {path} ist unbrauchbar ({reason}).",
    "Key {path} cannot be used ({reason}).",
    "Pfad und Rechte prüfen, sonst aus der Sicherung zurückspielen.",
    "Check path and permissions, else restore it from the backup.",
)
KEY_MISSING = ConfigProblem(
    "C413",
    "{path} fehlt, und die Datenbank ist schon in Gebrauch.",
    "{path} is missing, and the database is in use already.",
    "Aus der Sicherung zurückspielen; neue Schlüssel würden alle Server aussperren.",
    "Restore it from the backup; new keys would lock out every server.",
)
CERTIFICATE_UNUSABLE = ConfigProblem(
    "C414",
    "Zertifikat {path} ist unbrauchbar ({reason}).",
    "Certificate {path} cannot be used ({reason}).",
    "Pfad und Rechte prüfen, sonst aus der Sicherung zurückspielen.",
    "Check path and permissions, else restore it from the backup.",
)
PAIR_MISMATCH = ConfigProblem(
    "C415",
    "Zertifikat {certificate} und Schlüssel {path} gehören nicht zusammen.",
    "Certificate {certificate} and key {path} do not belong together.",
    "Beide aus derselben Quelle nehmen oder aus der Sicherung zurückspielen.",
    "Take both from the same source, or restore them from the backup.",
)
TLS_UNUSABLE = ConfigProblem(
    "C416",
    "Mit Zertifikat {certificate} und Schlüssel {path} kommt kein TLS zustande ({reason}).",
    "Certificate {certificate} and key {path} make no TLS ({reason}).",
    "Dateien prüfen oder aus der Sicherung zurückspielen.",
    "Check the files or restore them from the backup.",
)
CERTIFICATE_EXPIRED = ConfigProblem(
    "C417",
    "Zertifikat {path} ist am {day} abgelaufen.",
    "Certificate {path} expired on {day}.",
    "Erneuern: das eigene mit verbundwacht certificate renew, ein fremdes bei seinem Aussteller.",
    "Renew it: our own with verbundwacht certificate renew, a foreign one where it was issued.",
)
CERTIFICATE_EARLY = ConfigProblem(
    "C418",
    "Zertifikat {path} gilt erst ab {day}, nach der Uhr dieses Rechners ist heute der {today}.",
    "Certificate {path} is valid from {day} on; by this machine's clock today is {today}.",
    "Die Uhr stellen oder das richtige Zertifikat einsetzen.",
    "Set the clock, or put the right certificate there.",
)
CERTIFICATE_ENDS = ConfigProblem(
    "C419",
    "Zertifikat {path} gilt nur noch bis {day}.",
    "Certificate {path} is valid until {day} only.",
    "Erneuern: das eigene mit verbundwacht certificate renew, ein fremdes bei seinem Aussteller.",
    "Renew it: our own with verbundwacht certificate renew, a foreign one where it was issued.",
    warning=True,
)
CERTIFICATE_NAME = ConfigProblem(
    "C420",
    "{file}: {key} nennt {name}, das Zertifikat {path} tut es nicht; Server lehnen es ab.",
    "{file}: {key} names {name}, certificate {path} does not; servers will refuse it.",
    "{key} berichtigen oder ein Zertifikat mit diesem Namen einsetzen.",
    "Correct {key}, or put a certificate with this name there.",
    warning=True,
)

AUTHORITY_EXPIRED = ConfigProblem(
    "C421",
    "Die ausstellende Stelle {path} ist am {day} abgelaufen; kein Server kann sich mehr melden.",
    "The issuing authority {path} expired on {day}; no server can report any more.",
    "Neu anlegen und die Server neu anmelden: verbundwacht init --dir NEUER-ORDNER",
    "Start afresh and enrol the servers again: verbundwacht init --dir NEW-FOLDER",
)
AUTHORITY_ENDS = ConfigProblem(
    "C422",
    "Die ausstellende Stelle {path} gilt nur noch bis {day}.",
    "The issuing authority {path} is valid until {day} only.",
    "Rechtzeitig neu anlegen und die Server neu anmelden: verbundwacht init --dir NEUER-ORDNER",
    "In good time start afresh and enrol the servers again: verbundwacht init --dir NEW-FOLDER",
    warning=True,
)

BROKER_FILE = ConfigProblem(
    "C431",
    "{file}: broker_url braucht {path} ({reason}).",
    "{file}: broker_url needs {path} ({reason}).",
    "Ausstellen: verbundwacht broker prepare --name {host} --out ORDNER",
    "Issue it: verbundwacht broker prepare --name {host} --out FOLDER",
)

READER_EXPIRED = ConfigProblem(
    "C432",
    "Zertifikat {path}, mit dem der Sammler am Broker liest, ist am {day} abgelaufen.",
    "Certificate {path}, by which the collector reads at the broker, expired on {day}.",
    "Erneuern: verbundwacht broker prepare --name {host} --out ORDNER",
    "Renew it: verbundwacht broker prepare --name {host} --out FOLDER",
)
READER_ENDS = ConfigProblem(
    "C433",
    "Zertifikat {path}, mit dem der Sammler am Broker liest, gilt nur noch bis {day}.",
    "Certificate {path}, by which the collector reads at the broker, is valid until {day} only.",
    "Erneuern: verbundwacht broker prepare --name {host} --out ORDNER",
    "Renew it: verbundwacht broker prepare --name {host} --out FOLDER",
    warning=True,
)

# C5: database and rule packs

DATABASE_MISSING = ConfigProblem(
    "C501",
    "{path}: Es gibt keine Datenbank.",
    "{path}: there is no database.",
    "Anlegen: verbundwacht init --dir {folder}",
    "Make one: verbundwacht init --dir {folder}",
)
DATABASE_OLD = ConfigProblem(
    "C502",
    "{path}: Schema {found} ist alt, dieses Programm braucht {newest}.",
    "{path}: schema {found} is old, this program needs {newest}.",
    "Sammler anhalten, sichern, dann erneuern: verbundwacht init --dir {folder}",
    "Stop the collector, make a backup, then renew: verbundwacht init --dir {folder}",
)
DATABASE_NEWER = ConfigProblem(
    "C503",
    "{path}: Die Datenbank hat Schema {found}, dieses Programm kennt {newest}.",
    "{path}: the database has schema {found}, this program knows {newest}.",
    "Das neuere verbundwacht-collector installieren; ein älteres darf hier nicht schreiben.",
    "Install the newer verbundwacht-collector; an older one must not write here.",
)
DATABASE_UNREADABLE = ConfigProblem(
    "C504",
    "{path}: {reason}.",
    "{path}: {reason}.",
    "Prüfen, ob die Datei lesbar und vollständig ist, oder die Sicherung zurückspielen.",
    "Check whether the file can be read and is complete, or restore the backup.",
)
DATABASE_BUSY = ConfigProblem(
    "C505",
    "{path}: {reason}, {seconds} s lang.",
    "{path}: {reason}, for {seconds} s.",
    "Den anderen Befehl beenden, der hier schreibt, dann wiederholen.",
    "End the other command that writes here, then repeat.",
)
DATABASE_REFUSES = ConfigProblem(
    "C506",
    "{path}: {reason}.",
    "{path}: {reason}.",
    "Platz schaffen oder Datenträger prüfen.",
    "Make room or check the disk.",
)
HALF_MADE = ConfigProblem(
    "C507",
    "Der Sammler ist nicht fertig angelegt.",
    "This collector was never completed.",
    "Wiederholen: verbundwacht init",
    "Repeat: verbundwacht init",
)
PACK_UNUSABLE = ConfigProblem(
    "C511",
    "Das Regelpaket {pack} lädt nicht: {reason}.",
    "The rule pack {pack} does not load: {reason}.",
    "Eine Fassung einsetzen, die dieses Programm kennt: verbundwacht pack install ORDNER",
    "Install a version that this program knows: verbundwacht pack install FOLDER",
)
NO_PACK = ConfigProblem(
    "C512",
    "Kein Regelpaket ist eingesetzt: Es wird nichts bewertet und nichts gewarnt.",
    "No rule pack is installed: nothing is judged, and nobody is warned.",
    "Eines einsetzen: verbundwacht pack install ORDNER",
    "Install one: verbundwacht pack install FOLDER",
    warning=True,
)
PACK_NOT_BUNDLED = ConfigProblem(
    "C513",
    "Das mitgelieferte Regelpaket fehlt.",
    "The rule pack that ships with this program is missing.",
    "Mit --pack ORDNER eines nennen.",
    "Name one with --pack FOLDER.",
)

# C6: addresses of this machine

CANNOT_LISTEN = ConfigProblem(
    "C601",
    "{file}: {key} = {value} lässt sich nicht öffnen ({reason}).",
    "{file}: {key} = {value} cannot be opened ({reason}).",
    "Läuft schon ein Sammler? Sonst andere Adresse eintragen.",
    "Is a collector running already? Otherwise enter another address.",
)

# C7: the machine

FILE_REFUSED = ConfigProblem(
    "C701",
    "{path}: {reason}.",
    "{path}: {reason}.",
    "Pfad und Rechte prüfen, oder mit --dir einen anderen Ordner nennen.",
    "Check path and permissions, or name another folder with --dir.",
)
DISK_FULL = ConfigProblem(
    "C702",
    "{path}: nur noch {free} MB frei.",
    "{path}: only {free} MB free.",
    "Platz schaffen; unter {least} MB nimmt der Sammler bald nichts mehr an.",
    "Make room; below {least} MB the collector soon takes nothing in.",
)
DISK_FILLS = ConfigProblem(
    "C703",
    "{path}: nur noch {free} MB frei.",
    "{path}: only {free} MB free.",
    "Mindestens {least} MB freihalten.",
    "Keep at least {least} MB free.",
    warning=True,
)
CLOCK_BEHIND = ConfigProblem(
    "C704",
    "Die Uhr steht auf {now}, die jüngste Meldung kam {newest}.",
    "The clock says {now}, the newest message came {newest}.",
    "Die Uhr stellen, Zeitabgleich einschalten.",
    "Set the clock and switch time synchronisation on.",
)
