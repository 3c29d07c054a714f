"""What the pack says about freshly installed systems, for the record and for its update.

`matrix()` is pure but for reading the pack. When a change of outcomes is wanted, write the new
record with `python -m tests.rules.linux_basis.stock_matrix` and look at the difference.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from verbundwacht_collector.rules.evaluate import evaluate
from verbundwacht_collector.rules.load import load_pack
from verbundwacht_collector.rules.model import Pack, SectionState

PACK_FOLDER: Final = Path(__file__).resolve().parents[3] / "rules" / "linux-basis"
RECORD: Final = Path(__file__).with_name("stock_matrix.json")
NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
STOCK: Final = ("debian12-stock", "debian13-stock", "ubuntu2204-stock", "ubuntu2404-stock")

Matrix = dict[str, dict[str, dict[str, str]]]


def judge(pack: Pack, fixture: str) -> dict[str, dict[str, str]]:
    """Rule -> subject ("" for the whole host) -> outcome, on one fixture of the pack."""
    sections = pack.fixtures[fixture].items()
    snapshot = {name: SectionState("ok", None, body) for name, body in sections}
    return {
        rule.id: {one.subject: one.outcome for one in evaluate(rule, snapshot, {}, NOW)}
        for rule in sorted(pack.rules, key=lambda rule: rule.id)
    }


def matrix(pack: Pack) -> Matrix:
    """Fixture -> rule -> subject -> outcome, for every stock installation."""
    return {fixture: judge(pack, fixture) for fixture in STOCK}


if __name__ == "__main__":
    text = json.dumps(matrix(load_pack(PACK_FOLDER)), indent=1, ensure_ascii=False)
    RECORD.write_text(f"{text}\n", encoding="utf-8")
