#!/bin/bash
# Measures the program, each figure beside its goal and a baseline of the same
# run (make bench): a table on screen, JSON in target/bench/. Builds nothing but
# its own two tools. Its clouds have host namespaces of their own; it needs root.
#
#   scripts/bench.sh PROGRAM IMAGE [--only PART] [--quick] [--strict]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/common.sh
. "$here/common.sh"

case ${1:-} in
-h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ $# -ge 2 ] || die "usage: scripts/bench.sh PROGRAM IMAGE [--only PART] [--quick] [--strict]"
maru=$1 image=$2
shift 2
cd "$root"
# The dashboard's first page is measured in a browser; without one, that figure alone is left out.
case " $* " in
*" --only "*) case " $* " in *" dashboard "*) browser_venv ;; esac ;;
*) browser_venv ;;
esac
cargo build --release --locked --quiet -p maru --example bench --example packets
as_root env PYTHONPATH="$root/tests" PYTHONDONTWRITEBYTECODE=1 MARU_TARGET="$target" \
    python3 -m bench --maru "$maru" --image "$image" "$@"
