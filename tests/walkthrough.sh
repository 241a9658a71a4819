#!/bin/bash
# The tutorial from "no network" to ssh over a floating IP, with the real
# openstack client, against a cloud that this script starts and removes.
#
#   tests/walkthrough.sh [--keep] [--maru PROGRAM] [--image FILE]
#
# The cloud's host is a network namespace of its own, its API listens on a free
# port of the loopback interface, its state is a temporary directory. The client
# is the newest from PyPI, in a virtual environment below target/. --keep leaves
# everything as it is after a failure, and says how to look at it. Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/common.sh
. "$here/../scripts/common.sh"

case ${1:-} in
-h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ "$(id -u)" = 0 ] || die "needs root, to make network namespaces"

venv=$target/venv/openstack
if [ ! -x "$venv/bin/openstack" ]; then
    say "installing python-openstackclient below $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check python-openstackclient
fi
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 MARU_TARGET=$target exec python3 -m walkthrough --venv "$venv" "$@"
