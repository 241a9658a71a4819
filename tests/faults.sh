#!/bin/bash
# Crash, breakage and reboot: Maru and its servers are killed, bridges, rules
# and namespaces deleted, and the cloud must come back to what it acknowledged,
# with nothing left over. Maru is killed, too, before single steps of the store
# and the kernel: a sample of them (MARU_TEST_SEED repeats it), or all (--long).
#
#   tests/faults.sh [--long [--share K/N]] [--only TEXT] [--maru PROGRAM] [--image FILE]
#
# The cloud's host is a network namespace of its own, its API listens on a free
# port of the loopback interface, its state is a temporary directory. Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/common.sh
. "$here/../scripts/common.sh"

case ${1:-} in
-h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ "$(id -u)" = 0 ] || die "needs root, to make network namespaces"
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 MARU_TARGET=$target exec python3 -m faults "$@"
