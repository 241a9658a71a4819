#!/bin/bash
# Makes a Debian package of the built program in target/ (make deb).
#   scripts/deb.sh PROGRAM IMAGE
set -euo pipefail
. "$(dirname "$0")/common.sh"
maru=$1 image=$2
"$root/scripts/deps.sh" deb
version=$("$maru" --version | cut -d' ' -f2)
# The newest symbol version of the C library that the program uses.
libc_needed() { objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1 | cut -d_ -f2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

PREFIX=/usr DESTDIR=$work "$root/scripts/install.sh" "$maru" "$image"
install -D -m 644 "$root/LICENSE" "$work/usr/share/doc/maru/copyright"
gzip -9n "$work"/usr/share/man/man1/*.1
mkdir "$work/DEBIAN"
cat >"$work/DEBIAN/control" <<CONTROL
Package: maru
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The Maru developers <maru@localhost>
Installed-Size: $(du -sk "$work/usr" | cut -f1)
Depends: libc6 (>= $(libc_needed "$maru")), libnftables1, iproute2, qemu-system-x86, qemu-utils
Recommends: openssh-client
Suggests: novnc
Section: admin
Priority: optional
Description: OpenStack-compatible cloud in one program
 Identity, images, networks and servers on one host: the openstack client, SDKs
 and Terraform work with it unmodified. Servers run in QEMU, their networks in
 network namespaces of the host.
CONTROL
cat >"$work/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ] && [ "$1" = remove ]; then systemctl stop maru.service || true; fi
SCRIPT
cat >"$work/DEBIAN/postrm" <<'SCRIPT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
SCRIPT
chmod 755 "$work/DEBIAN/prerm" "$work/DEBIAN/postrm" "$work"
package=$target/maru_${version}_$(dpkg --print-architecture).deb
mkdir -p "$target"
dpkg-deb --root-owner-group --build "$work" "$package"
dpkg-deb --info "$package"
