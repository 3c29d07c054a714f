#!/bin/sh
# The Debian packages named here are installed when this ends with 0. The first word says what for;
# exit 2 names what is missing, where nobody may install.
set -eu
what=$1
shift
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "$what: these Debian packages are missing:$missing" >&2
    echo "Install them once as root: apt-get install$missing" >&2
    exit 2
fi
echo "$what: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# A policy script keeps Debian from starting servers that nobody asked for.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
# shellcheck disable=SC2086 - one word per package
apt-get -qq install -y --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
