#!/bin/sh
# Makes .venv with every pinned package, both distributions and the pages' assets. Run by make.
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
rm -f .venv/.ready
echo "setup: making .venv (about half a minute)" >&2
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    -e agent -e collector
.venv/bin/python tools/vendor.py
touch .venv/.ready
