#!/bin/bash
# The dashboard in a real, headless Chromium, against clouds that this script
# starts and removes.
#
#   tests/browser.sh [--short | --long] [--lang ko|en] [--maru PROGRAM] [--image FILE] [PART...]
#
# Parts (default: all): pages (each page: accessibility, width, translations,
# hostile names, complaints of the browser; simulated host), live (changes made
# elsewhere), tutorial (the walk-through, in Korean and in English, on a cloud
# whose host is a network namespace). Pictures: target/screens/. --short: each
# page once. --long: each in both themes, four widths, and as a dialog. Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/common.sh
. "$here/../scripts/common.sh"

case ${1:-} in
-h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ "$(id -u)" = 0 ] || die "needs root, to make network namespaces"
"$root/scripts/deps.sh" run
browser_venv
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 MARU_TARGET=$target exec "$venv/bin/python" -m browser "$@"
