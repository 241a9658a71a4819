#!/bin/bash
# Boots the tiny guest in a network namespace of its own and logs in by ssh.
#
#   image/test.sh [--direct] [--append ARGUMENTS] [--cloud OPTION] [--config-drive virtio|ide]
#                 [--machine pc|q35] [--quick] [--run COMMAND] [DIRECTORY-OF-THE-IMAGE]
#
# --direct: kernel and ramdisk given to QEMU, no boot loader; --append adds
# kernel arguments to such a boot. --quick: boot and one login only; --run: the
# same, and a command in the guest. --cloud: how the network differs (options
# of test/cloud.py); --config-drive: identity from a disk. Needs root (for the namespace), QEMU, ssh.
# Nothing outside the namespace is touched, and it is removed at the end.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
boot=disk machine=pc quick='' append='' command='' drive=''
cloud_options=()
while [ $# -gt 0 ]; do
    case $1 in
    --direct) boot=direct ;;
    --quick) quick=1 ;;
    --append) append=$2; shift ;;
    --run) quick=1 command=$2; shift ;;
    --cloud) cloud_options+=("$2"); shift ;;
    --config-drive) drive=$2; shift ;;
    --machine) machine=$2; shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
    esac
    shift
done
image=$(readlink -f "${1:-$here/../target/image}")
[ -f "$image/tiny.qcow2" ] || { echo "no $image/tiny.qcow2; build it first: image/build.sh" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "needs root, for a network namespace" >&2; exit 1; }
for tool in qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils ssh:openssh-client sshpass:sshpass ip:iproute2 socat:socat; do
    command -v "${tool%%:*}" >/dev/null || { echo "${tool%%:*} is missing: apt-get install ${tool##*:}" >&2; exit 1; }
done

namespace=tinytest-$$
# By SLAAC from the card's MAC address when there is no DHCP.
address=172.31.0.50
[[ " ${cloud_options[*]} " != *" --no-dhcp "* ]] || address=2001:db8:31::f816:3eff:fe00:1
work=$(mktemp -d "${TMPDIR:-/tmp}/tinytest.XXXXXX")
qemu='' cloud=''
passed=0

cleanup() {
    status=$?
    set +e
    [ -z "$qemu" ] || kill "$qemu" 2>/dev/null
    [ -z "$cloud" ] || kill "$cloud" 2>/dev/null
    wait 2>/dev/null
    ip netns del "$namespace" 2>/dev/null
    if [ $status != 0 ] && [ -f "$work/console.log" ]; then
        echo "--- the guest's console (last 40 lines)"; tail -40 "$work/console.log"
        echo "--- what the network stand-in saw"; tail -20 "$work/cloud.log"
    fi
    rm -rf "$work"
    exit $status
}
trap cleanup EXIT

pass() { passed=$((passed + 1)); echo "PASS $*"; }
fail() { echo "FAIL $*"; exit 1; }
inside() { ip netns exec "$namespace" "$@"; }
now() { date +%s.%N; }
guest() {
    inside ssh -q -i "$work/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 \
        -o BatchMode=yes -o IdentitiesOnly=yes "cirros@$address" "$@"
}
qmp() {
    printf '{"execute":"qmp_capabilities"}\n%s\n' "$1" | socat -t 2 - "UNIX-CONNECT:$work/qmp" >/dev/null
}

# wait_for SECONDS COMMAND...: again and again until it succeeds.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        kill -0 "$qemu" 2>/dev/null || fail "QEMU ended: $(cat "$work/qemu.log")"
        sleep 0.2
    done
}

# check WHAT COMMAND-IN-GUEST EXPECTED-PATTERN
check() {
    local output
    output=$(guest "$2" 2>&1) || fail "$1: '$2' ended with $?: $output"
    [[ $output =~ $3 ]] || fail "$1: '$2' printed: $output"
    pass "$1"
}

setup_network() {
    ip netns add "$namespace"
    inside ip link set lo up
    inside ip tuntap add dev tap0 mode tap
    inside ip addr add 172.31.0.1/24 dev tap0
    inside ip addr add 169.254.169.254/32 dev lo
    inside ip addr add fe80::a9fe:a9fe/64 dev tap0 nodad
    inside ip addr add 2001:db8:31::1/64 dev tap0 nodad
    inside ip link set tap0 up
}

start_cloud() {
    ip netns exec "$namespace" python3 "$here/test/cloud.py" tap0 "$work" "$@" >"$work/cloud.log" 2>&1 &
    cloud=$!
}

start_guest() {
    local extra=()
    if [ $boot = direct ]; then
        extra=(-bios qboot.rom -kernel "$image/tiny.vmlinux" -initrd "$image/tiny.initrd"
            -append "$(python3 -c 'import json,sys;print(json.load(open(sys.argv[1]))["arguments"])' "$image/tiny.json") $append")
    fi
    if [ -n "$drive" ]; then
        # FAT on a disk, ISO 9660 on a CD-ROM: both forms that OpenStack has.
        if [ "$drive" = virtio ]; then
            mformat -C -i "$work/config.img" -T 8192 -h 64 -s 32 -v config-2 ::
            mmd -i "$work/config.img" ::/openstack ::/openstack/latest
            mcopy -i "$work/config.img" "$work/meta_data.json" "$work/user_data" ::/openstack/latest/
        else
            mkdir -p "$work/iso/openstack/latest"
            cp "$work/meta_data.json" "$work/user_data" "$work/iso/openstack/latest/"
            xorriso -as mkisofs -quiet -V config-2 -J -r -o "$work/config.img" "$work/iso" 2>/dev/null
        fi
        extra+=(-drive "if=none,id=config,format=raw,readonly=on,file=$work/config.img")
        case $drive in
        virtio) extra+=(-device "virtio-blk-pci,drive=config") ;;
        ide) extra+=(-device "ide-cd,drive=config") ;;
        esac
    fi
    rm -f "$work/console.log"
    ip netns exec "$namespace" qemu-system-x86_64 -name tinytest -accel tcg,tb-size=64 -machine "$machine" -cpu Nehalem,+rdrand -smp 1 -m 128 \
        -nodefaults -no-user-config -display none -qmp "unix:$work/qmp,server=on,wait=off" \
        -chardev "file,id=ser0,path=$work/console.log" -serial chardev:ser0 \
        -netdev tap,id=n0,ifname=tap0,script=no,downscript=no \
        -device virtio-net-pci,netdev=n0,mac=fa:16:3e:00:00:01,rombar=0 \
        -drive "if=none,id=d0,file=$work/disk.qcow2,format=qcow2" -device virtio-blk-pci,drive=d0,bootindex=1 \
        "${extra[@]}" >"$work/qemu.log" 2>&1 &
    qemu=$!
    started=$(now)
}

cpu_seconds() {
    awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.1f", ($12 + $13) / hz }' "/proc/$1/stat"
}

# A disk as a cloud makes it: uncompressed once, an overlay of 2 GiB a server.
qemu-img convert -f qcow2 -O qcow2 "$image/tiny.qcow2" "$work/base.qcow2"
qemu-img create -q -f qcow2 -F qcow2 -b "$work/base.qcow2" "$work/disk.qcow2" 2G
ssh-keygen -q -t ecdsa -N '' -f "$work/key"
ssh-keygen -q -t rsa -b 2048 -N '' -f "$work/rsa"
ssh-keygen -q -t ed25519 -N '' -f "$work/ed25519"
python3 - "$work" <<'PY'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
keys = {name: (work / f"{name}.pub").read_text() for name in ("key", "rsa", "ed25519")}
(work / "meta_data.json").write_text(json.dumps({
    "uuid": "d8e02d56-2648-49a3-bf97-6be8f1204f38", "hostname": "probe-1.novalocal", "name": "probe \"1\" \u00e9",
    "public_keys": keys, "meta": {"hostname": "not-this-one", "list": "[1,2]"}, "launch_index": 0, "devices": [], "keys": []}))
(work / "user_data").write_text("#!/bin/sh\necho user-data-was-here on $(hostname) | tee /tmp/user-data-proof\n")
PY

setup_network
start_cloud "${cloud_options[@]}"
start_guest
wait_for 180 guest true || fail "no ssh within 180 s"
ready=$(now)
pass "ssh answers $(awk "BEGIN { printf \"%.1f s after QEMU's start (%.1f CPU s)\", $ready - $started, $(cpu_seconds $qemu) }") ($boot boot)"
grep -a '^tiny \[' "$work/console.log" || true
[ -z "$command" ] || guest "$command"
[ -z "$quick" ] || exit 0

check "ecdsa key, host name without domain" hostname '^probe-1$'
for kind in rsa ed25519; do
    inside ssh -q -i "$work/$kind" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
        -o IdentitiesOnly=yes cirros@172.31.0.50 true || fail "$kind key"
    pass "$kind key"
done
inside sshpass -p gocubsgo ssh -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o PubkeyAuthentication=no cirros@172.31.0.50 true || fail "password"
pass "password gocubsgo"
printf 'hello\n' >"$work/hello"
inside scp -q -i "$work/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$work/hello" cirros@172.31.0.50:/tmp/hello
check "scp" "cat /tmp/hello" hello
check "sudo without password" "sudo id -u" '^0$'
check "MTU by DHCP" "cat /sys/class/net/eth0/mtu" '^1400$'
check "DNS by DHCP" "cat /etc/resolv.conf" 'nameserver 172.31.0.2'
check "default route by option 121" "ip route" 'default via 172.31.0.1 dev eth0'
check "classless route by option 121" "ip route" '198.51.100.0/24 via 172.31.0.3 dev eth0'
check "ping without root" "ping -c 1 -w 2 172.31.0.1" '1 packets received'
check "IPv6 by SLAAC" "ip -6 addr show dev eth0" '2001:db8:31:'
check "ping6" "ping6 -c 1 -w 5 2001:db8:31::1" '1 packets received'
check "user data" "cat /tmp/user-data-proof" 'user-data-was-here on probe-1'
wait_for 60 guest "sudo test -s /var/lib/tiny/root-sectors" || fail "root file system not grown in 60 s"
check "root grown" "df -m / | tail -1" ' (19|18)[0-9][0-9] '
check "curl" "curl -s http://169.254.169.254/latest/meta-data/local-ipv4" '172.31.0.50'
check "curl POST" "curl -X POST -d secret http://169.254.169.254/openstack/2013-10-17/password; echo posted" posted
grep -q 'POST /openstack/2013-10-17/password secret' "$work/cloud.log" || fail "POST did not arrive"
check "tools that Tempest calls" \
    "set -eu -o pipefail; PATH=\$PATH:/sbin:/usr/sbin; /sbin/lsmod | grep -c virtio_net; /bin/ip -o addr | awk '/172.31/ {print \$2}'; \
    free -m | grep Mem; cut -f1 -d. /proc/uptime; grep -c ^processor /proc/cpuinfo; cat /var/run/udhcpc.eth0.pid; sudo /bin/kill -USR1 \$(cat /var/run/udhcpc.eth0.pid); \
    sync; sudo modprobe 8021q; sudo sh -c 'echo hello-console >/dev/console'; cat /proc/partitions; ps -ef | grep -c drop" eth0
check "lsblk as Tempest calls it" "lsblk -lb --nodeps" 'disk'

qemu-img create -q -f raw "$work/volume.raw" 64M
qmp '{"execute":"blockdev-add","arguments":{"driver":"raw","node-name":"v1","file":{"driver":"file","filename":"'"$work"'/volume.raw"}}}
{"execute":"device_add","arguments":{"driver":"virtio-blk-pci","id":"vol1","drive":"v1","serial":"0123456789abcdef"}}'
wait_for 30 guest "grep -q vdb /proc/partitions" || fail "hot-plugged disk not seen"
check "disk hot-plug: ext4" "sudo mkfs -t ext4 /dev/vdb >/dev/null 2>&1; sudo mkdir -p /mnt/vdb; sudo mount /dev/vdb /mnt/vdb; sudo sh -c 'date >/mnt/vdb/timestamp; sync'; sudo cat /mnt/vdb/timestamp; cat /sys/block/vdb/serial; sudo umount /mnt/vdb" 0123456789abcdef
check "disk hot-plug: vfat" "sudo mkfs -t vfat /dev/vdb; sudo mount /dev/vdb /mnt/vdb; sudo touch /mnt/vdb/x; ls /mnt/vdb; sudo umount /mnt/vdb" x
inside ip tuntap add dev tap1 mode tap
inside ip link set tap1 up
qmp '{"execute":"netdev_add","arguments":{"type":"tap","id":"n1","ifname":"tap1","script":"no","downscript":"no"}}
{"execute":"device_add","arguments":{"driver":"virtio-net-pci","id":"nic1","netdev":"n1","mac":"fa:16:3e:00:00:02"}}'
wait_for 30 guest "ip link show eth1 | grep -q UP" || fail "hot-plugged card not brought up"
pass "card hot-plug: brought up, DHCP asks"

sleep 1
qmp '{"execute":"system_reset"}'
sleep 2
wait_for 120 guest "uptime" || fail "no ssh after a reset"
[ "$(grep -ac 'user data: script started' "$work/console.log")" = 1 ] || fail "user data ran again after a reset"
pass "comes up after a reset; user data not run again"
wait_for 60 grep -aq 'login:' "$work/console.log" || fail "no login prompt on the console"
grep -aq 'sshd: host key' "$work/console.log" || fail "no fingerprint on the console"
pass "login prompt and fingerprint on the serial console"
wait_for 60 guest "ps | grep -q '[a]cpid'" || fail "acpid does not run"
qmp '{"execute":"system_powerdown"}'
for _ in $(seq 150); do kill -0 "$qemu" 2>/dev/null || break; sleep 0.2; done
! kill -0 "$qemu" 2>/dev/null || fail "power button: still on after 30 s"
qemu=
pass "power button: clean shutdown"
echo "$passed passed, 0 failed"
