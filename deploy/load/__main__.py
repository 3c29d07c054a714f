"""`make load HOSTS=… MINUTES=…`: a signed fleet speaks to a collector on this machine.

Every host has keys, a certificate and a chain of its own, was enrolled by the collector's code and
opens a new mutual TLS connection for each message. The run ends by itself or with Ctrl-C.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deploy.load.collector import Process, found, serving
from deploy.load.doors import door_at
from deploy.load.drive import MOST_CONNECTIONS, Drive, Plan, Tally
from deploy.load.errors import LoadError
from deploy.load.fleet import Fleet
from deploy.load.quiet import quiet_log

INTERVAL_S = 900.0
LATE_S = 60.0


def say(text: str) -> None:
    """One line of progress, apart from the result."""
    print(f"load: {text}", file=sys.stderr, flush=True)


def _mix(text: str) -> tuple[int, int, int]:
    parts = [int(part) for part in text.split("/")]
    if len(parts) != 3 or min(parts) < 0 or not sum(parts):
        raise ValueError(text)
    return parts[0], parts[1], parts[2]


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.load", description=__doc__)
    parser.add_argument("--hosts", type=int, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="how long they speak")
    parser.add_argument("--municipalities", type=int, default=122)
    parser.add_argument("--mix", type=_mix, default="70/29/1", help="beats/changes/full reports")
    parser.add_argument("--door", choices=("mqtt", "https"), default="mqtt")
    parser.add_argument("--collector", type=Path, metavar="DIR", help="its folder; kept")
    help_ = "seconds between two messages of a host (900, or the whole run); 0: without pause"
    parser.add_argument("--interval", type=float, help=help_)
    parser.add_argument("--connections", type=int, default=16, help="at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="the summary as one JSON object")
    args = parser.parse_args(argv)
    small = min(args.hosts, args.municipalities, args.connections)
    if small < 1 or args.minutes <= 0 or args.connections > MOST_CONNECTIONS:
        parser.error(f"numbers begin at 1; at most {MOST_CONNECTIONS} connections")
    return args


def run(args: argparse.Namespace, root: Path) -> dict[str, Any]:
    """The whole run in the collector's folder; its summary. Raises LoadError."""
    folder, config = found(root)
    public = config.public.mqtt if args.door == "mqtt" else config.public.https
    door_at(args.door, public, "")  # before anything is written into somebody's database
    fleet = Fleet(folder, config)
    towns = min(args.municipalities, args.hosts)
    with quiet_log():
        new = fleet.enrol(args.hosts, towns, lambda n: say(f"{n:,} hosts enrolled"))
    say(f"{new:,} hosts are new, {args.hosts - new:,} were known")
    hosts = fleet.hosts(args.hosts)
    door = door_at(args.door, public, fleet.issuing)
    seconds = args.minutes * 60
    interval = min(INTERVAL_S, seconds) if args.interval is None else args.interval
    plan = Plan(sys.maxsize, interval, args.mix, args.connections, args.seed, seconds)
    with serving(folder, door.port) as collector:
        drive = Drive(fleet, hosts, door, plan)
        # With pauses the turns are counted; a busy machine may come to the last one late.
        return _driven(drive, collector, seconds + (LATE_S if interval else 0))


def _driven(drive: Drive, collector: Process, seconds: float) -> dict[str, Any]:
    cpu, wall = time.process_time(), time.monotonic()

    def tell(tally: Tally) -> None:
        say(
            f"{tally.acked:,} acknowledged, {tally.refused.total():,} refused, {tally.lost:,} lost;"
            f" {tally.per_s:,.0f}/s, answer after {tally.wait_ms(50):.0f} ms (p95"
            f" {tally.wait_ms(95):.0f}); collector {collector.cpu_s():.1f} CPU s,"
            f" {collector.peak_mib():.0f} MiB"
        )
        # Without pauses nothing else would end it, and a dead collector answers nobody.
        if time.monotonic() - wall > seconds or not collector.alive:
            drive.stop()

    def interrupted(*_: object) -> None:
        say("stopping: what is on its way is still counted")
        drive.stop()

    before = {name: signal.signal(name, interrupted) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        tally = drive.run(tell, every_s=min(5.0, max(0.2, seconds / 10)))
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    if tally.last_problem:
        say(f"last problem: {tally.last_problem}")
    return summary(tally, collector, time.process_time() - cpu)


def summary(tally: Tally, collector: Process, client_cpu_s: float) -> dict[str, Any]:
    """What became of all messages, and what they cost."""
    cpu, sent = collector.cpu_s(), tally.sent
    return {
        "sent": sent,
        "acked": tally.acked,
        "refused": {str(code.value): many for code, many in sorted(tally.refused.items())},
        "lost": tally.lost,
        "sent_again": tally.again,
        "kinds": dict(tally.kinds),
        "per_s": round(tally.per_s, 1),
        "answer_ms": {"p50": round(tally.wait_ms(50), 1), "p95": round(tally.wait_ms(95), 1)},
        "collector_cpu_s_per_1000": round(1000 * cpu / sent, 3) if sent else None,
        "collector_peak_mib": round(collector.peak_mib(), 1),
        "client_cpu_s_per_1000": round(1000 * client_cpu_s / sent, 3) if sent else None,
    }


def _shown(found: dict[str, Any]) -> str:
    refused = ", ".join(f"{many} × {code}" for code, many in found["refused"].items()) or "0"
    kinds = ", ".join(f"{many:,} {kind}" for kind, many in found["kinds"].items())
    return "\n".join(
        (
            f"sent {found['sent']:,} ({kinds})",
            f"  = acknowledged {found['acked']:,} + refused {refused} + lost {found['lost']:,}",
            f"sent again    {found['sent_again']:,}",
            f"rate          {found['per_s']}/s",
            f"answer after  {found['answer_ms']['p50']} ms, p95 {found['answer_ms']['p95']} ms",
            f"collector     {found['collector_cpu_s_per_1000']} CPU s per 1,000 messages,"
            f" peak {found['collector_peak_mib']} MiB",
            f"the fleet     {found['client_cpu_s_per_1000']} CPU s per 1,000 messages",
        )
    )


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 all answered, 1 messages were lost, 2 the run could not start."""
    args = _arguments(argv)
    root = args.collector or Path(tempfile.mkdtemp(prefix="verbundwacht-load-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its collector must not outlive it
    try:
        found_out = run(args, root)
    except LoadError as problem:
        print(f"load: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 1
    finally:
        if args.collector is None:
            shutil.rmtree(root, ignore_errors=True)
    print(json.dumps(found_out) if args.json else _shown(found_out))
    return 1 if found_out["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
