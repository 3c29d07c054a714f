"""What 328 rules cost: reading the pack, judging one host, judging a stored fleet anew."""

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.bench import population
from tests.bench.figures import Budget, Figure, Ratio, median
from tests.bench.machine import cpu_s
from tests.bench.pipeline import open_committer, take
from tests.system.running import quiet_log

from verbundwacht_collector import pipeline
from verbundwacht_collector.app import JUDGED_AT_ONCE, now_ms
from verbundwacht_collector.committer import Committer
from verbundwacht_collector.judging import Judge
from verbundwacht_collector.rules.evaluate import evaluate
from verbundwacht_collector.rules.load import load_pack
from verbundwacht_collector.rules.model import Pack, SectionState
from verbundwacht_collector.store.protocol import Transaction

FLEET: Final = 10_000


def measure(quick: bool) -> list[Figure]:
    """Compile, evaluate, judge anew."""
    hosts, rounds = (10, 2) if quick else (300, 15)
    with tempfile.TemporaryDirectory() as name:
        folder = population.many_rules(Path(name) / "rules")
        compiled = [cpu_s(lambda: load_pack(folder)) for _ in range(min(rounds, 3))]
        pack = load_pack(folder)
        judged = [_judge(pack) for _ in range(rounds)]
        decoded = [cpu_s(_facts) for _ in range(rounds)]
        anew_s = _anew(Path(name), hosts)
    many, ms = len(pack.rules), median(judged) * 1e3
    ratio = Ratio(median(judged) / median(decoded), "reading the same facts from JSON")
    note = f"{1e3 * ms / many:.1f} µs a rule; 370 packages"
    fleet = f"computed from {hosts} hosts; one thread, {JUDGED_AT_ONCE} hosts a commit"
    return [
        Figure(f"rules: reading a pack of {many}", median(compiled), "CPU s"),
        Figure(f"rules: {many} on one host", ms, "CPU ms", ratio=ratio, note=note),
        Figure(f"rules: {many} × {FLEET:,} hosts", FLEET * anew_s, "CPU s", Budget(60), note=fleet),
    ]


def _facts() -> dict[str, SectionState]:
    server = population.server()
    return {name: SectionState("ok", None, json.loads(body)) for name, body in server.items()}


def _judge(pack: Pack) -> float:
    """CPU seconds for every rule on one host."""
    facts, now = _facts(), datetime.now(UTC)

    def judge() -> None:
        for rule in pack.rules:
            assert evaluate(rule, facts, rule.defaults, now)

    return cpu_s(judge)


def _anew(root: Path, hosts: int) -> float:
    """CPU seconds per host when all are judged by rules that have just changed."""
    with quiet_log():
        stage, members = population.alliance(root, hosts)
        with open_committer(stage) as committer:
            for reports in population.first_reports(members):
                take(committer, reports)
            committer._work(_forget_verdicts)
            start, judged = time.thread_time(), JUDGED_AT_ONCE
            while judged == JUDGED_AT_ONCE:
                judged = _some(committer)
            return (time.thread_time() - start) / hosts


def _some(committer: Committer) -> int:
    return committer._work(
        lambda tx, judge: pipeline.judge_anew(tx, judge, now=now_ms(), limit=JUDGED_AT_ONCE)
    )


def _forget_verdicts(tx: Transaction, _judge: Judge) -> None:
    tx.execute("UPDATE host SET judged_by = NULL", {})
