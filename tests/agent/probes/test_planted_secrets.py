"""No secret leaves the host: one is planted in every file that knows any, and looked for."""

import msgspec
from deploy.demo.recorded_host import NAMES, RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT, TIMEOUT_S, Completed
from verbundwacht_agent.probes import PROBES

SECRET = b"geheim"


class Watched(RecordedHost):
    """Remembers every source that had a secret in it."""

    seen: set[str]

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        return self._noted(path, super().read_bytes(path, limit))

    def run(
        self, argv: tuple[str, ...], *, timeout_s: float = TIMEOUT_S, limit: int = LIMIT
    ) -> Completed:
        done = super().run(argv, timeout_s=timeout_s, limit=limit)
        self._noted(argv[0], done.stdout)
        return done

    def _noted(self, source: str, content: bytes) -> bytes:
        if SECRET in content.lower():
            self.seen.add(source)
        return content


def test_no_planted_secret_is_in_any_body_or_reason() -> None:
    """And each was met: a probe that no longer reads its file would make this test worthless."""
    seen: set[str] = set()
    sent = b""
    for name in NAMES:
        host = Watched.named(name)
        host.seen = seen
        for probe in PROBES.values():
            try:
                body, reason = probe.probe(host)
            except Unavailable as error:
                sent += f"{error.reason} {error.hint}".encode()
            else:
                sent += msgspec.json.encode(body) + str(reason).encode()

    assert SECRET not in sent.lower()
    assert seen >= {
        "/etc/apache2/sites-enabled/portal.conf",
        "/etc/docker/daemon.json",
        "/etc/mysql/mariadb.conf.d/50-server.cnf",
        "/etc/nginx/sites-enabled/rathaus",
        "/etc/postfix/mail.pem",
        "/etc/postfix/main.cf",
        "/etc/postgresql/15/main/pg_hba.conf",
        "/etc/postgresql/15/main/postgresql.conf",
        "/etc/snmp/snmpd.conf",
        "/etc/snmp/snmpd.conf.d/alt.conf",
        "/etc/systemd/system/docker.service.d/tcp.conf",
        "/var/lib/verbundwacht-backup/last",
        "testparm",
    }


def test_no_private_key_is_opened() -> None:
    """The key lies beside the certificate and is named by the same configuration."""
    host = RecordedHost.named("debian12")

    for probe in PROBES.values():
        try:
            probe.probe(host.denying("/etc/ssl/rathaus/privkey.pem"))
        except Unavailable as error:
            assert error.status == "absent", probe.section
