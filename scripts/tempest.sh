#!/bin/bash
# Runs Tempest against a cloud that this script starts and removes.
#   scripts/tempest.sh PROGRAM IMAGE [--rounds N] [AREA...]   the whole suite, hours (make tempest): area after area
#                       (identity image network neutron volume compute scenario; default: all), and after each the
#                       question whether anything is left over; N rounds must give the same result
#   scripts/tempest.sh PROGRAM IMAGE --only ARGUMENT...       one run of tests/tempest/run-tempest.sh with these
#                       arguments; "--only --interop": what the interoperability guidelines ask for
# Program, API, floating IPs and Tempest are in one network namespace, so that the servers are reached and nothing of
# this host's network is touched. Results: target/tempest/.
set -euo pipefail
. "$(dirname "$0")/common.sh"
maru=$(readlink -f "$1") image=$(readlink -f "$2")
arguments=("$@")
shift 2
only="" rounds=1
case ${1:-} in
--only) only=1; shift ;;
--rounds) rounds=$2; shift 2 ;;
-*) die "unknown option $1; see the head of this script" ;;
esac
[ -n "$only" ] || [ $# -gt 0 ] || set -- identity image network neutron volume compute scenario
"$root/scripts/deps.sh" run test
[ "$(id -u)" = 0 ] || exec sudo -E env "PATH=$PATH" "$0" "${arguments[@]}"

namespace=maru-tempest-$$
work=$(mktemp -d)
chmod 755 "$work"
out=$target/tempest
pid="" web=""
# Serves the image for the tests of imports from the web, inside the namespace.
web_port=8099

cleanup() {
    set +e
    if [ -n "$web" ]; then kill "$web"; wait "$web"; fi
    if [ -n "$pid" ]; then kill "$pid"; wait "$pid"; fi
    inside "$maru" purge --yes --state-dir "$work/state" >/dev/null
    mkdir -p "$out"
    cp "$work/maru.log" "$out/"
    ip netns del "$namespace"
    rm -rf "$work"
}
inside() { nsenter --net="/run/netns/$namespace" "$@"; }

# What the suite needs from PyPI, before the namespace that reaches nothing.
export TEMPEST_VENV=$target/venv/tempest
requirements=$root/tests/tempest/tempest-requirements.txt
if ! cmp -s "$requirements" "$TEMPEST_VENV/.installed"; then
    say "installing tempest below $TEMPEST_VENV"
    python3 -m venv "$TEMPEST_VENV"
    "$TEMPEST_VENV/bin/pip" install --quiet -r "$requirements"
    cp "$requirements" "$TEMPEST_VENV/.installed"
fi

ip netns add "$namespace"
trap cleanup EXIT
inside ip link set lo up
# The rules about passwords that the suite's own tests ask for (tests/tempest/tempest.conf.template).
export MARU_LOCKOUT_FAILURE_ATTEMPTS=2 MARU_LOCKOUT_DURATION=5 MARU_UNIQUE_LAST_PASSWORD_COUNT=2
# Of Neutron's extensions those that the cloud itself says it has.
export TEMPEST_NETWORK_EXTENSIONS=${TEMPEST_NETWORK_EXTENSIONS:-auto}
# As Neutron's own jobs have it: a class of its tests makes more than ten routers.
export MARU_NETWORK_QUOTAS=router=100,floatingip=500,security_group=150,security_group_rule=1000
export TEMPEST_SECURITY_COMPLIANCE=true TEMPEST_CINDER=${TEMPEST_CINDER:-1}
mkdir "$work/web"
cp "$image" "$work/web/image.qcow2"
inside python3 -m http.server --bind 127.0.0.1 --directory "$work/web" "$web_port" >"$work/web.log" 2>&1 &
web=$!
inside "$maru" up --state-dir "$work/state" --listen 127.0.0.1:5000 --web-download-networks 127.0.0.1/32 \
    --web-download-ports "80,443,$web_port" >"$work/maru.log" 2>&1 &
pid=$!
for _ in $(seq 120); do
    inside curl -fs -o /dev/null http://127.0.0.1:5000/healthz && break
    kill -0 "$pid" 2>/dev/null || { tail -20 "$work/maru.log" >&2; die "maru did not start"; }
    sleep 0.5
done
# shellcheck source=/dev/null
. "$work/state/openrc"
# Two of the cloud's own flavors (128 and 256 MB): the suite's own would have an id that is taken.
export TEMPEST_FLAVOR_REF=${TEMPEST_FLAVOR_REF:-84} TEMPEST_FLAVOR_REF_ALT=${TEMPEST_FLAVOR_REF_ALT:-c1}
export TEMPEST_HTTP_IMAGE=http://127.0.0.1:$web_port/image.qcow2 TEMPEST_HTTP_QCOW2_IMAGE=http://127.0.0.1:$web_port/image.qcow2
export TEMPEST_IMAGE_FILE=$image TEMPEST_RUN_VALIDATION=${TEMPEST_RUN_VALIDATION:-true}

regex_of() {
    case $1 in
    identity | image | network | volume | compute) echo "^tempest\\.api\\.$1\\." ;;
    scenario) echo '^tempest\.scenario\.' ;;
    neutron) echo '^neutron_tempest_plugin\.api\.' ;;
    *) die "no area '$1'" ;;
    esac
}

# leftovers FILE: what is being removed has a minute to go.
leftovers() {
    for _ in $(seq 30); do
        inside "$maru" status --leftovers --json --state-dir "$work/state" >"$1"
        python3 -c 'import json, sys; sys.exit(bool(json.load(open(sys.argv[1]))["leftovers"]))' "$1" && return
        sleep 2
    done
}

if [ -n "$only" ]; then
    say "tempest $* (results in $out)"
    inside "$root/tests/tempest/run-tempest.sh" -o "$out" "$@"
    exit
fi
for area in "$@"; do regex_of "$area" >/dev/null; done
rm -rf "$out/whole"
for round in $(seq "$rounds"); do
    for area in "$@"; do
        say "round $round of $rounds, $area (results in $out/whole/$round/$area)"
        # What fails is told, and the next area has its turn.
        inside "$root/tests/tempest/run-tempest.sh" -o "$out/whole/$round/$area" --exclude '' "$(regex_of "$area")" || true
        leftovers "$out/whole/$round/$area/status.json"
    done
done
say "all of it"
python3 "$root/tests/tempest/whole.py" "$root/tests/tempest/interop-compute-required.txt" "$out/whole"
