"""Writes requirements.txt: every dependency of both distributions and of the tests, pinned with hashes.

The distributions themselves are left out (they are installed from this checkout), and so
are index lines: which mirror serves a package is the machine's business, not the project's.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
OPTIONS = (
    "--quiet --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header "
    "--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options"
)


def wanted() -> list[str]:
    """Every requirement line of the two distributions, their extras and the tests."""
    lines = (ROOT / "requirements.in").read_text().splitlines()
    for name in ("agent", "collector"):
        project = tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]
        lines += project["dependencies"]
        for extra in project.get("optional-dependencies", {}).values():
            lines += extra
    return [line for line in lines if line and not line.startswith(("#", "verbundwacht-"))]


def main() -> int:
    """requirements.txt holds the newest allowed versions; exit code of pip-compile."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(wanted()))
        source.flush()
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS.split()]
        command += ["--output-file", str(ROOT / "requirements.txt"), *sys.argv[1:], source.name]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
