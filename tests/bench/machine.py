"""What this machine can do: the baselines that the other figures are divided by."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.bench.figures import Figure, Ratio, median

REFERENCE_NS: Final = 27.0  # an empty turn of a loop on the machine of the first measurements


def loop_ns() -> float:
    """CPU nanoseconds of an empty turn of a Python loop."""
    turns = 1_000_000

    def loop() -> None:
        for _ in range(turns):
            pass

    return min(cpu_s(loop) for _ in range(5)) / turns * 1e9


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this thread."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def verify_us(rounds: int = 2_000) -> float:
    """CPU microseconds of one P-256 verification by `cryptography`, nothing around it."""
    key = ec.generate_private_key(ec.SECP256R1())
    data, method = bytes(300), ec.ECDSA(hashes.SHA256())
    signature, public = key.sign(data, method), key.public_key()

    def verify() -> None:
        for _ in range(rounds):
            public.verify(signature, data, method)

    return median(cpu_s(verify) for _ in range(5)) / rounds * 1e6


def sign_us(rounds: int = 2_000) -> float:
    """CPU microseconds of one P-256 signature by `cryptography`."""
    key, data, method = (
        ec.generate_private_key(ec.SECP256R1()),
        bytes(300),
        ec.ECDSA(hashes.SHA256()),
    )

    def sign() -> None:
        for _ in range(rounds):
            key.sign(data, method)

    return median(cpu_s(sign) for _ in range(5)) / rounds * 1e6


def openssl_verify_us() -> float | None:
    """The same by `openssl speed`; None where there is no openssl."""
    if shutil.which("openssl") is None:
        return None
    command = ["openssl", "speed", "-seconds", "1", "ecdsap256"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"nistp256\)(?:\s+\S+){2}\s+(\S+)\s+(\S+)", done.stdout)
    return 1e6 / float(found[2]) if found else None


def fsync_ms() -> float:
    """Wall milliseconds until 64 KiB are on the disk below the temporary folder."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "probe").open("wb") as file:
        times = []
        for _ in range(20):
            file.write(bytes(65_536))
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return median(times) * 1e3


def measure(_quick: bool) -> list[Figure]:
    """The machine's own figures; none has a budget."""
    loop, verify, openssl = loop_ns(), verify_us(), openssl_verify_us()
    by_openssl = Ratio(verify / openssl, "openssl speed") if openssl else None
    return [
        Figure("empty Python loop turn", loop, "ns", ratio=Ratio(loop / REFERENCE_NS, "27 ns")),
        Figure("P-256 verify, raw", verify, "µs", ratio=by_openssl),
        Figure("P-256 sign, raw", sign_us(), "µs"),
        Figure("fsync of 64 KiB", fsync_ms(), "ms", note="wall"),
    ]
