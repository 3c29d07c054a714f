"""What makes a recording a well-kept server of today: updates, lists, backup, a closed Docker.

Pure: a recording in, a changed copy out. The recordings stay as they are, because the tests of
the probes want their oddities; only dates that age would make every invented server stale.
"""

import json
import re
from datetime import datetime, timedelta

from deploy.demo.recorded_host import RecordedHost

_UNIT = "/etc/systemd/system/docker.service.d/"
_DATE = re.compile(r"^Date: .*$", re.MULTILINE)
_FORWARD = """\
action(type="omfwd" target="log.example.de" port="6514" protocol="tcp"
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name")
"""
_LOGIN = """\
auth required pam_faillock.so preauth
auth [success=2 default=ignore] pam_unix.so
auth [default=die] pam_faillock.so authfail
auth requisite pam_deny.so
auth required pam_permit.so
"""


def tidy(host: RecordedHost, now: datetime) -> RecordedHost:
    """The same server, patched this morning and backed up last night."""
    return _hardened(_backed_up(_current(_patched(host), now), now))


def _patched(host: RecordedHost) -> RecordedHost:
    """A server on which every update is installed."""
    for argv, answer in host.answers():
        text = answer.stdout.decode()
        if argv[0] == "/usr/bin/python3" and answer.code == 0:
            told = json.loads(text)
            told["updates"] = []
            host = host.answering(argv, answer._replace(stdout=json.dumps(told).encode()))
        elif argv[0] == "apt-get" and "upgrade" in argv:
            kept = text.partition("Calculating upgrade...")[0] + "Calculating upgrade...\n"
            kept += "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n"
            host = host.answering(argv, answer._replace(stdout=kept.encode()))
    return host


def _current(host: RecordedHost, now: datetime) -> RecordedHost:
    """A server that has fetched its package lists and installed updates today."""
    lately = now - timedelta(hours=3)
    for path in sorted(host.paths):
        if "security" in path and path.endswith("_InRelease"):
            date = f"Date: {lately:%a, %d %b %Y %H:%M:%S} UTC"
            host = host.with_file(path, _DATE.sub(date, host.read_text(path), count=1))
    for path in host.times:
        host = host.with_time(path, lately.timestamp())
    return host


def _backed_up(host: RecordedHost, now: datetime) -> RecordedHost:
    mark = {
        "date": (now - timedelta(hours=9)).isoformat(timespec="seconds"),
        "target": "nas-2.example.de",
        "restore_tested": (now - timedelta(days=60)).isoformat(timespec="seconds"),
    }
    return host.with_file("/var/lib/verbundwacht-backup/last", json.dumps(mark))


def _hardened(host: RecordedHost) -> RecordedHost:
    """Logs go out encrypted, wrong passwords lock, Docker is for this server only."""
    host = host.with_file("/etc/rsyslog.d/60-zentral.conf", _FORWARD)
    host = host.with_file("/etc/pam.d/common-auth", _LOGIN)
    if not host.exists("/usr/bin/dockerd"):
        return host
    host = host.without(_UNIT)
    return host.with_file("/etc/docker/daemon.json", '{"live-restore": true}')
