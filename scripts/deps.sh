#!/bin/bash
# Installs what is missing from Debian's or Ubuntu's packages, and nothing else.
#
#   scripts/deps.sh GROUP...      groups: build run image test browser lint deb
#
# Looks for the program or file itself, not for the package: another version
# (qemu-utils from backports, say) may be there already. Works as root or with
# sudo. Rust is never installed by it; when it is missing it says how to get it.
set -euo pipefail
. "$(dirname "$0")/common.sh"

# Each line: group, what to look for (a program or an absolute path, * allowed), package.
needs='
build cc                                            gcc
build make                                          make
build /usr/include/stdio.h                          libc6-dev
run   qemu-system-x86_64                            qemu-system-x86
run   qemu-img                                      qemu-utils
run   /usr/lib/*/libnftables.so.1                   libnftables1
run   ip                                            iproute2
run   nsenter                                       util-linux
run   ssh                                           openssh-client
image apt-get                                       apt
image python3                                       python3
image mkfs.ext4                                     e2fsprogs
image depmod                                        kmod
image objcopy                                       binutils
image lz4                                           lz4
image mcopy                                         mtools
image syslinux                                      syslinux
image /usr/lib/syslinux/mbr/mbr.bin                 syslinux-common
image qemu-img                                      qemu-utils
test  python3                                       python3
test  /usr/lib/python3*/ensurepip                   python3-venv
test  nft                                           nftables
run   ping                                          iputils-ping
test  conntrack                                     conntrack
test  sshpass                                       sshpass
test  socat                                         socat
test  tcpdump                                       tcpdump
test  curl                                          curl
browser /usr/bin/chromium                           chromium
browser /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc fonts-noto-cjk
lint  shellcheck                                    shellcheck
deb   dpkg-deb                                      dpkg
'

present() {
    case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    # Programs of the administrator are outside the PATH of ordinary users.
    *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

# A venv needs ensurepip of the very python3 that is called, wherever it comes from.
has_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

[ $# -gt 0 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
missing=()
for group; do
    grep -q "^$group " <<<"$needs" || die "no group '$group'"
    while read -r _ probe package; do
        if [ "$package" = python3-venv ]; then has_venv && continue; else present "$probe" && continue; fi
        missing+=("$package")
    done < <(grep "^$group " <<<"$needs")
done

if [ ${#missing[@]} -gt 0 ]; then
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    command -v apt-get >/dev/null ||
        die "missing: ${missing[*]} (names of Debian's packages); this system has no apt-get: install them by hand"
    say "installing ${missing[*]}"
    # The lists may be old or absent on a fresh machine.
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

if [[ " $* " == *" image "* ]] && [ -z "$(apt-cache pkgnames busybox-static)" ]; then
    as_root apt-get update -q
fi

if [[ " $* " == *" build "* ]]; then
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    command -v cargo >/dev/null ||
        die "Rust $wanted or newer is missing. Install it with rustup (https://rustup.rs), then run this again"
    found=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -1)" = "$wanted" ] ||
        die "Rust $found is too old: $wanted or newer is needed ('rustup update stable')"
fi
