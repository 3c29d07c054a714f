"""Web servers: what each server block of nginx and virtual host of Apache offers.

`nginx_sites`, `apache_sites` and `apache_protocols` are pure. Hard-learned: a removed package
leaves its files, so only an installed program counts; Apache's `SSLProtocol` adds and removes
from left to right; and what was not set is left out, because its default changed with versions.
"""

import re
from typing import Final

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import Host
from verbundwacht_agent.probes.collected import Collected
from verbundwacht_agent.probes.conf import apache, nginx
from verbundwacht_agent.probes.conf.files import first_there
from verbundwacht_agent.probes.conf.nginx import Directive
from verbundwacht_wire.facts import Web
from verbundwacht_wire.facts.servers import WebSite

_ALL: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")  # what OpenSSL offers without SSLv3
_KNOWN: Final = {name.lower(): name for name in ("SSLv2", "SSLv3", *_ALL)}
_CIPHER: Final = re.compile(r"[A-Za-z0-9!+@=_-]{1,64}")
_HIDING: Final = ("prod", "productonly")
WATCHES: Final = (*nginx.WATCHES, *apache.WATCHES)


def probe(host: Host) -> Collected:
    """Every site of nginx and Apache. Raises Unavailable; absent without either program."""
    servers: list[str] = []
    sites: list[WebSite] = []
    if first_there(host, nginx.PROGRAMS):
        servers.append("nginx")
        sites += nginx_sites(nginx.load(host))
    if first_there(host, apache.PROGRAMS):
        servers.append("apache")
        sites += apache_sites(apache.load(host))
    if not servers:
        raise Unavailable("absent", "no_web_server", "")
    return Collected(Web(servers=tuple(servers), sites=tuple(sites)))


def nginx_sites(tree: tuple[Directive, ...]) -> list[WebSite]:
    """Server blocks in the order of the files; settings of `http` count where a block has none."""
    found = []
    for http in (directive for directive in tree if directive.name == "http"):
        for server in (directive for directive in http.block if directive.name == "server"):
            # http first: the inner setting comes last and wins.
            settings = {d.name: d.args for d in (*http.block, *server.block)}
            listens = [d.args for d in server.block if d.name == "listen" and d.args]
            names = next((d.args for d in server.block if d.name == "server_name"), ())
            tls = any("ssl" in words or "quic" in words for words in listens)
            tls = tls or settings.get("ssl") == ("on",)
            protocols = settings.get("ssl_protocols")
            found.append(
                WebSite(
                    server="nginx",
                    name=names[0] if names else "",
                    listen=tuple(words[0] for words in listens) or ("*:80",),
                    tls=tls,
                    version_shown=settings.get("server_tokens", ("on",)) not in (("off",), ("",)),
                    protocols=_protocols(protocols) if tls and protocols else None,
                    ciphers=_ciphers(settings.get("ssl_ciphers")) if tls else None,
                )
            )
    return found


def apache_sites(config: apache.Config) -> list[WebSite]:
    """Virtual hosts in the order of the files; the main server only where there is none."""
    listens = [line.args[0] for line in config.lines if line.name == "listen" and line.args]
    hosts = [(number, names) for number, names in enumerate(config.hosts, 1)]
    tokens = config.last("servertokens", 0) or ("full",)
    found = []
    for number, addresses in hosts or [(0, tuple(listens))]:
        name = config.last("servername", number) or ("",)
        engine = config.last("sslengine", number) or ("off",)
        tls = engine[0].lower() in ("on", "optional")
        protocols = config.last("sslprotocol", number)
        found.append(
            WebSite(
                server="apache",
                name=name[0],
                listen=addresses,
                tls=tls,
                version_shown=tokens[0].lower() not in _HIDING,
                protocols=apache_protocols(protocols) if tls and protocols else None,
                ciphers=_ciphers(_suite(config, number)) if tls else None,
            )
        )
    return found


def _suite(config: apache.Config, number: int) -> tuple[str, ...] | None:
    """Words of the last SSLCipherSuite; one that is for TLS 1.3 only has two."""
    for wanted in (number, 0):
        lines = [x.args for x in config.lines if (x.name, x.host) == ("sslciphersuite", wanted)]
        if found := [args for args in lines if args and args[0].lower() != "tlsv1.3"]:
            return found[-1][-1:]
    return None


def apache_protocols(words: tuple[str, ...]) -> tuple[str, ...]:
    """What SSLProtocol leaves switched on. Source: mod_ssl, SSLProtocol."""
    enabled: set[str] = set()
    for position, word in enumerate(words):
        name = word.lstrip("+-").lower()
        meant = set(_ALL) if name == "all" else {_KNOWN[name]} if name in _KNOWN else set()
        if word.startswith("-"):
            enabled -= meant
        elif word.startswith("+") or position == 0:
            enabled |= meant
        else:
            enabled = meant  # a word without sign starts anew
    return tuple(sorted(enabled))


def _protocols(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({_KNOWN[word.lower()] for word in words if word.lower() in _KNOWN}))


def _ciphers(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The parts of an OpenSSL cipher list with their signs. Source: openssl-ciphers(1)."""
    if not words:
        return None
    parts = re.split(r"[:,\s]+", words[0])
    return tuple(part for part in parts if _CIPHER.fullmatch(part))
