"""Where database servers listen and how they ask who somebody is; never what they hold.

`parse_hba`, `parse_settings`, `postgresql` and `mysql` are pure. Hard-learned: `ALTER SYSTEM`
writes postgresql.auto.conf, which wins over the file that everybody reads; in option files `_`
and `-` are the same, and the last value counts; names of databases and users stay here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, Literal

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host, Missing
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.conf.files import Budget, config, expand, first_there
from verbundwacht_wire.facts import Database
from verbundwacht_wire.facts.servers import Authentication, DatabaseServer

Origin = Literal["local", "loopback", "network"]
Engine = Literal["mariadb", "mysql"]

_POSTGRES: Final = (
    "/usr/lib/postgresql/*/bin/postgres",
    "/usr/pgsql-*/bin/postgres",
    "/usr/bin/postgres",
)
_CLUSTERS: Final = ("/etc/postgresql/*/*", "/var/lib/pgsql/data", "/var/lib/pgsql/*/data")
_MARIADB: Final = ("/usr/sbin/mariadbd", "/usr/libexec/mariadbd")
_MYSQL: Final = ("/usr/sbin/mysqld", "/usr/libexec/mysqld")
_OPTION_FILES: Final = ("/etc/my.cnf", "/etc/mysql/my.cnf")
_METHODS: Final = (
    "trust", "reject", "scram-sha-256", "md5", "password", "gss", "sspi", "ident", "peer", "ldap",
    "radius", "cert", "pam", "bsd", "oauth",
)  # fmt: skip
_LOOPBACK: Final = re.compile(r"(127\.|::1$|::ffff:127\.|localhost$|samehost$)", re.IGNORECASE)
_MASK: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_HBA_WORD: Final = re.compile(r'#.*|(?:"[^"]*"?|[^\s"#])+')
_SETTING: Final = re.compile(
    r"""\s*([A-Za-z_][A-Za-z0-9_.]*)\s*(?:=\s*|\s+)(?:'((?:[^'\\]|''|\\.)*)'|([^\s#']+))"""
)
_ON: Final = ("on", "true", "yes", "1", "t", "tr", "tru", "y", "ye")
_GROUP: Final = re.compile(r"mysqld(-[0-9.]+)?|mariadbd(-[0-9.]+)?|server|mariadb(-[0-9.]+)?")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9_.:%*-]{1,100}")


def probe(host: Host) -> Collected:
    """Every database server of this host. Raises Unavailable; absent without any program."""
    servers: list[DatabaseServer] = []
    installed = False
    if any(host.exists(path) for pattern in _POSTGRES for path in expand(host, pattern)):
        installed = True
        folders = [folder for pattern in _CLUSTERS for folder in expand(host, pattern)]
        there = [folder for folder in folders if host.exists(f"{folder}/postgresql.conf")]
        servers += (_cluster(host, folder) for folder in there)
    if first_there(host, (*_MARIADB, *_MYSQL)):
        installed = True
        engine: Engine = "mariadb" if first_there(host, _MARIADB) else "mysql"
        servers.append(mysql(_options(host), engine))
    if not installed:
        raise Unavailable("absent", "no_database_server", "")
    return Collected(Database(servers=tuple(servers)))


def _cluster(host: Host, folder: str) -> DatabaseServer:
    """One cluster of PostgreSQL, from its own folder and what ALTER SYSTEM wrote."""
    settings = dict(_settings(host, f"{folder}/postgresql.conf", Budget(), 0))
    data = settings.get("data_directory", folder)
    with suppress(Missing):  # nobody has used ALTER SYSTEM
        settings |= parse_settings(host.read_text(f"{data}/postgresql.auto.conf"))
    hba = settings.get("hba_file", f"{folder}/pg_hba.conf")
    # Debian's folder ends with version and name, elsewhere with the word "data".
    cluster = (
        folder.removeprefix("/etc/postgresql/") if "/etc/" in folder else folder.split("/")[-2]
    )
    return postgresql(settings, parse_hba(_hba_lines(host, hba, Budget(), 0)), cluster)


def _settings(host: Host, path: str, budget: Budget, depth: int) -> Iterator[tuple[str, str]]:
    """Settings in the order in which they count, includes in their place."""
    budget.take(depth)
    folder = path.rpartition("/")[0]
    for name, value in parse_pairs(config(host, path)):
        target = value if value.startswith("/") else f"{folder}/{value}"
        if name == "include" or (name == "include_if_exists" and host.exists(target)):
            yield from _settings(host, target, budget, depth + 1)
        elif name == "include_dir":
            for file in expand(host, f"{target}/*.conf"):
                yield from _settings(host, file, budget, depth + 1)
        elif name != "include_if_exists":
            yield name, value


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """(name in lower case, value) per line of postgresql.conf."""
    found = [match for line in text.split("\n") if (match := _SETTING.match(line))]
    return [
        (match[1].lower(), match[2].replace("''", "'") if match[2] is not None else match[3])
        for match in found
    ]


def parse_settings(text: str) -> dict[str, str]:
    """The last value of every setting of one file."""
    return dict(parse_pairs(text))


def postgresql(
    settings: Mapping[str, str], authentication: tuple[Authentication, ...], cluster: str
) -> DatabaseServer:
    """One cluster. Defaults that never changed are filled in. Source: PostgreSQL, chapter 20."""
    listen = _addresses(settings.get("listen_addresses", "localhost"))
    return DatabaseServer(
        engine="postgresql",
        cluster=cluster,
        listen=listen,
        exposed=any(not is_loopback(address) for address in listen),
        tls=settings.get("ssl", "off").lower() in _ON,
        password_encryption=settings.get("password_encryption"),
        authentication=authentication,
    )


def _hba_lines(host: Host, path: str, budget: Budget, depth: int) -> Iterator[str]:
    """Lines of pg_hba.conf; version 16 may include others."""
    budget.take(depth)
    for line in re.sub(r"\\\n", " ", config(host, path)).split("\n"):
        word, _, rest = line.strip().partition(" ")
        target = rest.strip().strip('"')
        target = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
        if word == "include" or (word == "include_if_exists" and host.exists(target)):
            yield from _hba_lines(host, target, budget, depth + 1)
        elif word == "include_dir":
            for file in expand(host, f"{target}/*.conf"):
                yield from _hba_lines(host, file, budget, depth + 1)
        elif word != "include_if_exists":
            yield line


def parse_hba(lines: Iterable[str]) -> tuple[Authentication, ...]:
    """Entries counted by method and origin, sorted. Raises Unavailable `bad_config`."""
    counts: dict[tuple[str, Origin], int] = {}
    for line in lines:
        if words := _hba_words(line):
            entry = _entry(words)
            counts[entry] = counts.get(entry, 0) + 1
    return tuple(
        Authentication(method=method, origin=origin, entries=entries)
        for (method, origin), entries in sorted(counts.items())
    )


def _hba_words(line: str) -> list[str]:
    """Fields of one line; a list of names may have blanks behind its commas."""
    words: list[str] = []
    for word in _HBA_WORD.findall(line):
        if word[0] == "#":
            break
        if words and words[-1].endswith(","):
            words[-1] += word
        else:
            words.append(word)
    return words


def _entry(words: list[str]) -> tuple[str, Origin]:
    """Method and origin of one entry; a net mask may stand behind the address."""
    if words[0] == "local":
        origin: Origin = "local"
        at = 3
    else:
        origin = "loopback" if is_loopback(words[3] if words[3:] else "") else "network"
        at = 5 if words[4:] and _MASK.fullmatch(words[4]) else 4
    method = words[at].lower() if words[at:] else ""
    if method not in _METHODS:
        hint = "Ein Eintrag in pg_hba.conf ist unbekannt: pg_hba_file_rules zeigt die Zeile."
        raise Unavailable("failed", "bad_config", hint)
    return method, origin


def _options(host: Host) -> dict[str, str]:
    """Options of the server's groups, from the files in the order in which they are read."""
    files = [path for path in _OPTION_FILES if host.exists(path)]
    if not files:
        config(host, _OPTION_FILES[-1])
    found: dict[str, str] = {}
    budget = Budget()
    for path in files:
        found |= dict(_read_options(host, path, budget, 0))
    return found


def _read_options(host: Host, path: str, budget: Budget, depth: int) -> Iterator[tuple[str, str]]:
    budget.take(depth)
    try:
        text = host.read_text(path)
    except Missing:
        return  # a link to nowhere in a folder of options
    group = ""
    for line in map(str.strip, text.split("\n")):
        word, _, rest = line.partition(" ")
        if word == "!include":
            yield from _read_options(host, rest.strip(), budget, depth + 1)
        elif word == "!includedir":
            for file in expand(host, f"{rest.strip()}/*.cnf"):
                yield from _read_options(host, file, budget, depth + 1)
        elif line.startswith("["):
            group = line.strip("[] \t").lower()
        elif line and line[0] not in "#;" and _GROUP.fullmatch(group):
            name, _, value = line.partition("=")
            value = re.sub(r"\s#.*", "", value).strip().strip("\"'")
            yield name.strip().lower().replace("_", "-"), value


def mysql(options: Mapping[str, str], engine: Engine) -> DatabaseServer:
    """The server of MariaDB or MySQL; without a bind-address it listens everywhere."""
    silent = _is_on(options, "skip-networking")
    listen = () if silent else _addresses(options.get("bind-address", "*") or "*")
    return DatabaseServer(
        engine=engine,
        cluster="",
        listen=listen,
        exposed=any(not is_loopback(address) for address in listen),
        tls=True if options.get("ssl-cert") else None,
        tls_required=_is_on(options, "require-secure-transport"),
        skips_grants=_is_on(options, "skip-grant-tables"),
        authentication=(),  # MariaDB keeps it in the database itself
    )


def _is_on(options: Mapping[str, str], name: str) -> bool:
    """True if an option is given without value or with a true one."""
    return options.get(name, "0").lower() in (*_ON, "")


def _addresses(value: str) -> tuple[str, ...]:
    """Addresses as written; what is none is called "other" and counts as open to all."""
    parts = filter(None, (part.strip() for part in value.split(",")))
    return tuple(sorted({part if _ADDRESS.fullmatch(part) else "other" for part in parts}))


def is_loopback(address: str) -> bool:
    """True for 127.0.0.0/8, ::1, localhost and PostgreSQL's samehost."""
    return _LOOPBACK.match(address.strip('"').partition("/")[0]) is not None
