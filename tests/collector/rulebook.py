"""A small rule pack: one rule of each kind the life cycle knows, over four sections."""

import json
from functools import cache
from typing import Final

from verbundwacht_collector.rules.load import load_pack_bytes
from verbundwacht_collector.rules.model import Pack

_RULE: Final = """\
- id: {id}
  title: {{de: "{id}", en: "{id}"}}
  severity: {severity}
  status: {status}
  group: g
  rationale: {{de: "Grund.", en: "Reason."}}
  expected: {{de: "Soll.", en: "Expected."}}
  remediation: {{de: "1. Zuerst dies.", en: "1. First this."}}
  needs: [{needs}]
"""


def rule(
    name: str,
    assertion: str,
    *,
    needs: str,
    severity: str = "high",
    status: str = "stable",
    more: str = "",
) -> str:
    """One rule as YAML. more: further keys, one a line."""
    lines = "".join(f"  {line.strip()}\n" for line in more.splitlines() if line.strip())
    head = _RULE.format(id=name, severity=severity, status=status, needs=needs)
    return f"{head}{lines}  assert: {json.dumps(assertion)}\n"


REBOOT = rule("t.reboot", "!facts.kernel.reboot_required", needs="kernel", severity="critical")
OLD_BOOT = rule("t.old-boot", "facts.kernel.booted + days(30) > now", needs="kernel")
RELEASE = rule("t.release", 'facts.os.version in ["12", "13"]', needs="os", severity="medium")
FAILED = rule("t.failed", "facts.services.failed.size() == 0", needs="services", severity="low")
PORTS = rule(
    "t.ports",
    "!p.exposed || p.port in [22, 443]",
    needs="listening",
    more="each: facts.listening.sockets\nas: p\nsubject: [p.proto, p.port]",
)
CANARY = rule("t.canary", 'facts.os.version == "13"', needs="os", status="canary")
RULES: Final = (REBOOT, OLD_BOOT, RELEASE, FAILED, PORTS, CANARY)


def pack_files(
    *rules: str, name: str = "verbund/test", version: str = "2026.1.1"
) -> dict[str, bytes]:
    """A rule pack as files."""
    head = (
        f'format: 1\npack: {name}\nversion: "{version}"\nfacts: 1\n'
        'groups: {g: {de: "G", en: "G"}}\nrules:\n'
    )
    return {"pack.yaml": (head + "".join(rules)).encode()}


@cache
def load(*rules: str) -> Pack:
    """The same, loaded; each combination once."""
    return load_pack_bytes(pack_files(*rules))
