"""Evidence files as the command makes them, and hands that change them."""

import base64
import json
from collections.abc import Callable
from typing import Any, Final

from tests.collector.fakes import Collector, downlink

from verbundwacht_collector.alerts.model import RULE_BLIND
from verbundwacht_collector.evidence.export import export
from verbundwacht_collector.evidence.report import Result
from verbundwacht_collector.evidence.rows import mark
from verbundwacht_collector.evidence.verify import verify
from verbundwacht_collector.scope import OperatorScope
from verbundwacht_collector.store.evidence import stored_alert, stored_body, stored_host
from verbundwacht_wire.frame import read_frame
from verbundwacht_wire.keys import Signer, seal

ALL: Final = OperatorScope()
Row = dict[str, Any]


def of_host(collector: Collector, agent: bytes) -> bytes:
    """The file about a host."""
    db = collector.store._db
    host = stored_host(db, agent.hex(), scope=ALL)
    return export(host, None, _bodies(collector, host.municipality_id), downlink().repeating())


def of_alert(collector: Collector, number: str) -> bytes:
    """The file about an alert."""
    db = collector.store._db
    alert = stored_alert(db, number, scope=ALL)
    blind = alert.rule_id == RULE_BLIND
    host = stored_host(
        db,
        alert.agent.hex(),
        scope=ALL,
        rule_id=alert.subject if blind else alert.rule_id,
        subject=None if blind else alert.subject,
    )
    return export(host, alert, _bodies(collector, host.municipality_id), downlink().repeating())


def _bodies(collector: Collector, town: str) -> Callable[[str, str], tuple[int, bytes] | None]:
    db = collector.store._db
    return lambda section, digest: stored_body(db, town, section, digest, scope=ALL)


def rows_of(data: bytes) -> list[Row]:
    """The rows of a file, without their marks."""
    return [json.loads(line)[1] for line in data.splitlines()]


def marked(rows: list[Row]) -> bytes:
    """The rows with marks that are right: what anybody can make."""
    lines, before = [], ""
    for row in rows:
        raw = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
        before = mark(before, raw)
        lines.append(b'["%s",%s]\n' % (before.encode(), raw))
    return b"".join(lines)


def sealed(rows: list[Row], signer: Signer | None = None) -> bytes:
    """The rows with right marks and a right seal: what only the collector itself can make."""
    body = marked(rows[:-1])
    last = json.loads(body.splitlines()[-1])[0] if body else ""
    payload = json.dumps({"lines": len(rows) - 1, "mark": last}).encode()
    header = read_frame(base64.b64decode(rows[-1]["frame"])).header
    frame = seal(header._replace(ulen=len(payload)), payload, signer or downlink())
    raw = json.dumps({"row": "seal", "frame": base64.b64encode(frame).decode()}).encode()
    return body + b'["%s",%s]\n' % (mark(last, raw).encode(), raw)


def failing(result: Result) -> set[str]:
    """The names of the checks that do not hold."""
    return {one.check for one in result.checks if not one.holds}


def checked(data: bytes) -> set[str]:
    """The checks that a file fails."""
    return failing(verify(data))
