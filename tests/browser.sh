#!/bin/bash
# The dashboard in a real, headless Chromium, against clouds that this script
# starts and removes.
#
#   tests/browser.sh [--maru PROGRAM] [--image FILE] [--long] [PART...]
#
# Parts (default: all): pages (each page and dialog: accessibility, width,
# translations, hostile names; simulated host), live (changes made elsewhere).
# Pictures: target/screens/. --long: every page in both themes and four widths.
# Not yet part of `make test`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/common.sh
. "$here/../scripts/common.sh"

case ${1:-} in
-h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
[ "$(id -u)" = 0 ] || die "needs root, to make network namespaces"
"$root/scripts/deps.sh" run test browser

venv=$target/venv/browser
requirements=$here/browser/requirements.txt
if ! cmp -s "$requirements" "$venv/.installed"; then
    say "installing playwright and axe-core below $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/.installed"
fi
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 MARU_TARGET=$target exec "$venv/bin/python" -m browser "$@"
