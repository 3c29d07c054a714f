#!/bin/sh
# What the bench compares the agent with: from Debian, installed when this runs as root. Without
# them the figures beside these programs are left out, and everything else is measured.
set -eu
wanted="lynis prometheus-node-exporter"
missing=""
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "Not measured without these Debian packages:$missing" >&2
    echo "Install them once as root: apt-get install$missing" >&2
    exit 0
fi
echo "bench set-up: installing$missing" >&2
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
