"""A word planted in every file that a probe of hardening reads never leaves the host."""

import json

import msgspec
import pytest
from deploy.demo.recorded_host import NAMES, RecordedHost

from verbundwacht_agent.errors import Unavailable
from verbundwacht_agent.host import LIMIT
from verbundwacht_agent.probes import PROBES
from verbundwacht_agent.probes.firewall import LIST

SECTIONS = ("sudo", "cron", "firewall", "mac", "audit", "time", "modules", "accounts")
WORD = "GEHEIM"
LINES = (
    f"# {WORD}",
    f"password = {WORD}",
    f"{WORD}={WORD}",
    f"secret {WORD} {WORD}",
    f"anna ALL=(root) /bin/mount -o password={WORD}",
    f'Defaults badpass_message="{WORD}", passprompt={WORD}, logfile={WORD}',
    f"Cmnd_Alias X = /bin/{WORD}",
    f"* * * * * root mysql -p{WORD}",
    f"server ntp1.example.de key {WORD} cert {WORD}",
    f"*.* @@{WORD}:514;{WORD}",
    f'action(type="omhttp" server="{WORD}" uid="{WORD}" pwd="{WORD}" protocol="{WORD}")',
    f"-w /{WORD} -p wa -k {WORD}",
    f"-a always,exit -S {WORD} -F path=/{WORD}",
    f"install {WORD} /bin/false {WORD}",
    f"options usb_storage key={WORD}",
    f"password required pam_unix.so minlen={WORD} bindpw={WORD}",
    f"auth [{WORD.lower()}=1] pam_unix.so",
    f"auth {WORD.lower()} pam_unix.so",
    f"disk_full_action = {WORD}!",
    f"NTP=http://{WORD}@x/",
    f"URL=https://x:{WORD}@y/",
    f" rd.luks.key={WORD} init=/{WORD}",
    f"<zone target='{WORD}'>{WORD}</zone>",
    f"anna:{WORD}:20000:0:99999:7:::",
)


class Planted(RecordedHost):
    """A recorded host that adds a line to every file that is read, or to one."""

    line = ""
    path = ""
    seen: set[str]

    def read_bytes(self, path: str, limit: int = LIMIT) -> bytes:
        raw = super().read_bytes(path, limit)
        self.seen.add(path)
        return raw + f"\n{self.line}\n".encode() if path == self.path else raw


def body(host: RecordedHost, section: str) -> bytes:
    """What would be sent; nothing if the damaged file makes the section unavailable."""
    try:
        return msgspec.json.encode(PROBES[section].probe(host).body)
    except Unavailable as error:
        return str(error).encode()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("section", SECTIONS)
def test_a_word_planted_in_a_file_never_leaves_the_host(name: str, section: str) -> None:
    host = Planted.named(name)
    host.seen = set()
    whole = body(host, section)
    bodies = []

    for path in sorted(host.seen):
        for line in LINES:
            host.path, host.line = path, line
            bodies.append(body(host, section))

    assert host.seen or section == "cron"
    assert WORD.lower() not in b"".join((whole, *bodies)).decode().lower()


def test_a_word_planted_in_the_answer_of_nft_never_leaves_the_host() -> None:
    host = RecordedHost.named("ubuntu2404")
    answer = host.run(LIST)
    told = json.loads(answer.stdout)
    for entry in told["nftables"]:
        if "rule" in entry:
            entry["rule"]["comment"] = WORD
            entry["rule"]["expr"].insert(0, {"log": {"prefix": WORD}})
    told["nftables"].append({"set": {"name": WORD, "elem": [WORD]}})

    planted = host.answering(LIST, answer._replace(stdout=json.dumps(told).encode()))

    assert WORD.encode() not in body(planted, "firewall")
    assert body(planted, "firewall") != body(host, "firewall")
