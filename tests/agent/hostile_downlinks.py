"""A collector that was taken over: whatever its key can sign, thrown at one enrolled agent.

Runs as a process of its own, because an audit hook (PEP 578) can never be taken out again. The
last line of output is JSON: what was delivered, how it was answered, and every audit event that
an agent must not cause. `--prove` commits each offence once, to show that the hook would see it.
"""

import argparse
import ctypes
import json
import os
import random
import socket
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.agent.fakes import Machine
from tests.collector.fakes import Collector, downlink
from tests.fakes import NEIGHBOUR

from verbundwacht_agent.inbox import apply_inbox
from verbundwacht_agent.post import Post, letters, store
from verbundwacht_agent.receipt import load_enrolment
from verbundwacht_agent.spool import Spool
from verbundwacht_collector.acks import frame_down
from verbundwacht_wire.codes import Code
from verbundwacht_wire.messages import ACK, DOWN

BATCH: Final = 16
GATHER_EVERY: Final = 100  # batches: a whole run of gather reads a whole host
UNKNOWN: Final = ("vw-run/1", "vw-exec/1", "vw-update/1", "vw-shell/9", "vw-report/1", "x", "vw/1")
TEXTS: Final = (
    *("", "rm -rf /", "$(touch /tmp/owned)", "`id`", "../../../../etc/passwd", "/etc/cron.d/x"),
    *("file:///etc/shadow", "evil.example:443", "127.0.0.1:22", "\x00", "\u202e", "A" * 2000),
    *("__import__('os').system('id')", "{0.__class__}", "%s%n", "cos\nsystem\n(S'id'\ntR."),
)
NUMBERS: Final = (0, 1, -1, 2**31, 2**53, -(2**53), 2**63, 10**30, 1.5, 1e308)
STDLIB: Final = (sysconfig.get_path("stdlib"), "<frozen ")
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PROGRAMS: Final = frozenset(
    {
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
        *("os.spawn", "pty.spawn", "compile", "os.kill", "code.__new__", "os.putenv"),
        *("sys.settrace", "os.chdir", "os.setxattr", "shutil.copyfile"),
    }
)
FAMILIES: Final = ("ctypes.", "socket.", "urllib.", "http.")
MOVING: Final = frozenset(
    {
        *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod"),
        *("os.chown", "os.truncate", "os.utime", "shutil.rmtree", "shutil.move"),
    }
)


class Watch:
    """Audit events that nothing here may cause; `root` is the agent's state folder."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}{os.sep}"
        self.on = False
        self.seen: Counter[str] = Counter()
        self.events = 0
        sys.addaudithook(self._note)

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on:
            return
        self.events += 1
        if event in PROGRAMS or event.startswith(FAMILIES) or _is_code(event, args):
            self._offence(event, args)
        elif event == "open":
            path, _, flags = args
            if flags & WRITING and not isinstance(path, int) and not self._inside(path):
                self._offence(event, args)
        elif event in MOVING and not all(map(self._inside, _paths(args))):
            self._offence(event, args)

    def _inside(self, path: Any) -> bool:
        return f"{os.path.normpath(os.fsdecode(path))}{os.sep}".startswith(self._root)

    def _offence(self, event: str, args: tuple[Any, ...]) -> None:
        self.on = False
        self.seen[f"{event} {args!r:.200}" if len(self.seen) < 50 else event] += 1
        self.on = True


def _is_code(event: str, args: tuple[Any, ...]) -> bool:
    """Code runs that is no module of the standard library, which may be imported late."""
    return event == "exec" and not args[0].co_filename.startswith(STDLIB)


def _paths(args: tuple[Any, ...]) -> Iterator[Any]:
    return (arg for arg in args if isinstance(arg, str | bytes | os.PathLike))


class Tally:
    """Takes the place of stderr: counts the events of the log and the codes of refusals."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def write(self, text: str) -> int:
        if text.startswith("{"):
            line = json.loads(text)
            self.counts[f"{line['event']} {line.get('code', '')}".strip()] += 1
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


class Attacker:
    """Signs with the collector's real key whatever a seeded chance comes up with."""

    def __init__(self, machine: Machine, chance: random.Random) -> None:
        self.machine, self.chance = machine, chance
        self.own = load_enrolment(machine.paths)
        self.signer, self.seq = downlink(), machine.clock.now
        self.known = [(0, "")]

    def look(self) -> None:
        """What the spool holds, by number and hash: an attacker has seen it all."""
        seqs = self.machine.spooled()
        self.known = [(seq, self.machine.frame(seq).entry_hash.hex()) for seq in seqs]

    def downlink(self) -> bytes:
        """One more signed message."""
        pick = self.chance.random()
        if pick < 0.45:
            typ, value = ACK, self._plausible()
        elif pick < 0.7:
            typ, value = ACK, self._plausible() | self._noise()
        elif pick < 0.9:
            typ, value = self.chance.choice(sorted(DOWN)), self._noise(depth=2)
        else:
            typ, value = self.chance.choice(UNKNOWN), self._noise(depth=3)
        payload = json.dumps(value).encode()
        if pick > 0.98:
            payload = payload[: len(payload) // 2] or self.chance.randbytes(40)
        stranger = self.chance.random() < 0.02
        self.seq += self.chance.randint(-2, 50) if self.chance.random() < 0.1 else 1
        tenant = NEIGHBOUR if stranger else self.own.receipt.municipality
        agent = self.chance.randbytes(16) if self.chance.random() < 0.02 else self.own.agent
        return frame_down(typ, tenant, agent, payload, self.signer, self.seq, self.seq)

    def _plausible(self) -> dict[str, Any]:
        """An acknowledgement as it could be, with one wish or another."""
        chance = self.chance
        upto, upto_hash = chance.choice(self.known)
        hi, head = chance.choice(self.known)
        codes = [code.value for code in Code]
        return {
            "upto": upto,
            "upto_hash": chance.choice((upto_hash, "ab" * 32)),
            "hi": chance.choice((hi, hi, chance.randint(0, 2**40))),
            "head": chance.choice((head, chance.randbytes(32).hex(), "")),
            "sel": [
                (seq, chance.choice(codes), chance.choice((entry, "cd" * 32)))
                for seq, entry in chance.choices(self.known, k=chance.randint(0, 4))
            ],
            "want": chance.choice((None, "full", "bodies", "resend")),
            "later_s": chance.choice((None, None, 1, 900, -1, 10**9)),
            "now": self.seq,
        }

    def _noise(self, depth: int = 1) -> dict[str, Any]:
        """Keys of all closed-set messages and invented ones, with values of any kind."""
        names = (
            *("upto", "sel", "want", "later_s", "hi", "head", "interval_s", "beat_s", "prefer"),
            *("certificate", "ca", "mqtt", "https", "spki", "root", "command", "path", "url"),
            *("__class__", "env", "plugin", "log_level", "checks", "exec", "ld_preload"),
        )
        chosen = self.chance.choices(names, k=self.chance.randint(1, 4))
        return {name: self._value(depth) for name in chosen}

    def _value(self, depth: int) -> Any:
        kind = self.chance.randrange(6 if depth else 4)
        if kind < 2:
            return self.chance.choice(TEXTS)
        if kind < 4:
            return self.chance.choice((*NUMBERS, None, True))
        if kind == 4:
            return [self._value(depth - 1) for _ in range(self.chance.randint(0, 12))]
        return {self.chance.choice(TEXTS): self._value(depth - 1)}


def attack(machine: Machine, attacker: Attacker, count: int) -> int:
    """So many downlinks went through the sender's and the gatherer's own code; their number."""
    delivered, batch = 0, 0
    while delivered < count:
        attacker.look()
        post = Post(letters(machine.paths), machine.paths.inbox)
        post.window()
        for number in range(min(BATCH, count - delivered)):
            raw = attacker.downlink()
            if number % 2:
                post.take(raw, "mqtt")
            else:
                store(machine.paths.inbox, raw)  # what the sender would drop, if it could
            delivered += 1
        batch += 1
        machine.clock.now = max(machine.clock.now + 60_000, attacker.seq)
        if batch % GATHER_EVERY == 0 or delivered == count:
            machine.change(str(batch))
            machine.gather()
        else:
            own = load_enrolment(machine.paths)
            apply_inbox(machine.paths, own, Spool(machine.paths), machine.clock.now)
    return delivered


def offences(outside: Path) -> Iterator[Callable[[], object]]:
    """Each thing that must be seen, done once."""
    yield lambda: subprocess.run(["true"], check=False)
    yield lambda: os.system("true")
    yield lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    yield lambda: ctypes.CDLL(None)
    yield lambda: socket.getaddrinfo("127.0.0.1", 1)
    yield lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    yield lambda: outside.write_text("x")
    yield lambda: outside.rename(outside.with_suffix(".moved"))
    yield lambda: outside.with_suffix(".moved").unlink()
    yield lambda: exec("0")


def main() -> int:
    """0; the findings are the last line of output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--prove", action="store_true")
    args = parser.parse_args()
    folder: Path = args.folder.resolve()
    (folder / "collector").mkdir()
    with Collector(folder / "collector", durable=False) as collector:
        machine = Machine(folder / "agent").enrol(collector)
    sys.stderr, errors = Tally(), sys.stderr
    tally: Any = sys.stderr
    attacker = Attacker(machine, random.Random(20_260_921))
    machine.gather()
    attack(machine, attacker, BATCH)  # imports that a first run makes are not the attacker's
    before = {path for path in folder.rglob("*") if not path.is_relative_to(machine.paths.root)}
    watch = Watch(machine.paths.root)
    watch.on = True
    if args.prove:
        for offence in offences(folder / "outside"):
            offence()
    delivered = attack(machine, attacker, args.count)
    watch.on = False
    after = {path for path in folder.rglob("*") if not path.is_relative_to(machine.paths.root)}
    sys.stderr = errors
    print(
        json.dumps(
            {
                "delivered": delivered,
                "offences": watch.seen,
                "events": watch.events,
                "log": tally.counts,
                "outside": sorted(map(str, after - before)),
                "folder_bytes": sum(p.stat().st_size for p in machine.paths.root.rglob("*.vw")),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
