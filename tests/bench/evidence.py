"""What it costs to prove a year: one host, six reports a day, a beat a day, its findings."""

import tempfile
from pathlib import Path
from typing import Final

from tests.bench import population
from tests.bench.figures import Figure
from tests.bench.machine import cpu_s
from tests.collector.evidence.fakes import of_host
from tests.collector.fakes import PLANNING, Collector
from tests.fakes import DAY, FakeAgent
from tests.system.running import quiet_log

from verbundwacht_collector import packs
from verbundwacht_collector.admin import bundled_pack
from verbundwacht_collector.evidence.report import Result
from verbundwacht_collector.evidence.verify import verify
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.rules.load import load_pack, read_files
from verbundwacht_collector.store.protocol import Transaction

REPORTS_A_DAY: Final = 6
RULES: Final = 82


def measure(quick: bool) -> list[Figure]:
    """Export and verification of one host-year; no budget, it is done by hand and seldom."""
    days = 5 if quick else 365
    results: list[Result] = []
    files: list[bytes] = []
    with tempfile.TemporaryDirectory() as name, quiet_log():
        with Collector(Path(name), durable=False, settings=PLANNING) as collector:
            agent = _year(collector, days)
            exported = cpu_s(lambda: files.append(of_host(collector, agent.agent)))
        verified = cpu_s(lambda: results.append(verify(files[0])))
    (result,) = results
    assert result.holds, result.findings
    note = f"{days} days, {result.messages} messages, {len(files[0]) / 1e6:.1f} MB, {RULES} rules"
    return [
        Figure("evidence: export of a host-year", exported, "CPU s", note=note),
        Figure("evidence: verification of a host-year", verified, "CPU s", note=note),
    ]


def _year(collector: Collector, days: int) -> FakeAgent:
    pack = load_pack(bundled_pack())
    collector._judges[pack.digest] = Judge([pack], collector.settings)
    collector.act(lambda tx: _only(tx, collector))
    agent = collector.host()
    collector.one(agent.report(population.server()))
    for _ in range(days):
        for _ in range(REPORTS_A_DAY):
            collector.clock.advance(DAY // (REPORTS_A_DAY + 1))
            collector.one(agent.report(population._next_change()))
        collector.clock.advance(DAY // (REPORTS_A_DAY + 1))
        collector.one(agent.beat())
    return agent


def _only(tx: Transaction, collector: Collector) -> None:
    """The bundled pack judges, and no other."""
    tx.execute("DELETE FROM pack", {})
    packs.install(tx, read_files(bundled_pack()), now=collector.clock())
