"""Writes the requirements files: every package pinned with hashes, no index lines.

The distributions themselves are left out (they are installed from this checkout), and so
are index lines: which mirror serves a package is the machine's business, not the project's.
The development file is made on top of the first one, so that both agree on every version.
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


def needed_by_the_distributions() -> list[str]:
    """Every requirement line of the two distributions and their extras."""
    lines: list[str] = []
    for name in ("agent", "collector"):
        project = tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]
        lines += project["dependencies"]
        for extra in project.get("optional-dependencies", {}).values():
            lines += extra
    return lines


def lock(name: str, lines: list[str], flags: list[str]) -> int:
    """NAME.txt holds versions and hashes for these lines and for NAME.in; pip-compile's code."""
    lines = [*lines, *(ROOT / f"{name}.in").read_text().splitlines()]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(line for line in lines if not line.startswith("verbundwacht-")))
        source.flush()
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS.split(), *flags]
        command += ["--output-file", str(ROOT / f"{name}.txt"), source.name]
        return subprocess.run(command, check=False, cwd=ROOT).returncode


def main() -> int:
    """All three files hold the newest allowed versions; exit code of the first failure."""
    flags = sys.argv[1:]
    return (
        lock("requirements", needed_by_the_distributions(), flags)
        or lock("requirements-dev", ["-c " + str(ROOT / "requirements.txt")], flags)
        or lock("requirements-node", [], flags)
    )


if __name__ == "__main__":
    sys.exit(main())
