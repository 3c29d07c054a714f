#!/bin/sh
# Makes .venv with every pinned package, both distributions and the pages' assets. Run by make.
# Argument: "-run" for what the demo needs, "-dev" for what the tests need on top.
set -eu
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-python3}"

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Verbundwacht needs Python 3.11 or newer; $PYTHON is $("$PYTHON" -V 2>&1)." >&2
    echo "Name another one: make PYTHON=python3.12 …" >&2
    exit 2
}
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 2
}
ready=".venv/.ready$1"
rm -f "$ready"
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"
}
if [ "$1" = "-dev" ]; then
    echo "setup: adding what the tests need (a quarter of a minute)" >&2
    install --require-hashes -r requirements-dev.txt
    # html-validate wants node 20.19 or newer, and Debian 12 has 18.
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null ||
        install --require-hashes -r requirements-node.txt
    .venv/bin/python tools/vendor.py --tests
    touch "$ready"
    exit 0
fi
echo "setup: making .venv (a quarter of a minute)" >&2
if command -v npm >/dev/null; then
    "$PYTHON" tools/vendor.py & # fetches the pages' assets while pip works
    install --require-hashes -r requirements.txt
    wait $!
else
    install --require-hashes -r requirements.txt -r requirements-node.txt
    .venv/bin/python tools/vendor.py
fi
install --no-deps --no-build-isolation -e agent -e collector
touch "$ready"
