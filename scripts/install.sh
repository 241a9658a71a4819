#!/bin/bash
# Installs the built program below PREFIX (default /usr/local), and below
# DESTDIR when a package is made (make install).
#   scripts/install.sh PROGRAM IMAGE
set -euo pipefail
. "$(dirname "$0")/common.sh"
maru=$1 image=$2
prefix=${PREFIX:-/usr/local}
to=${DESTDIR:-}$prefix
units=${DESTDIR:-}/$([ "$prefix" = /usr ] && echo lib || echo etc)/systemd/system

install -D -m 755 "$maru" "$to/bin/maru"
install -D -m 644 "$image" "$to/share/maru/tiny.qcow2"
install -d "$units" "$to/share/man/man1"
sed "s|@PREFIX@|$prefix|g" "$root/packaging/maru.service" >"$units/maru.service"
chmod 644 "$units/maru.service"
install -d "$to/share/bash-completion/completions" "$to/share/zsh/site-functions" "$to/share/fish/vendor_completions.d"
"$maru" completions bash >"$to/share/bash-completion/completions/maru"
"$maru" completions zsh >"$to/share/zsh/site-functions/_maru"
"$maru" completions fish >"$to/share/fish/vendor_completions.d/maru.fish"
"$maru" man "$to/share/man/man1"
if [ -z "${DESTDIR:-}" ]; then
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
    echo "installed below $prefix; start it with: systemctl enable --now maru"
fi
