#!/bin/bash
# Runs Tempest against a cloud that this script starts and removes (make tempest).
#   scripts/tempest.sh PROGRAM IMAGE [ARGUMENT OF tests/tempest/run-tempest.sh...]
# The default is --interop: the tests that the interoperability guidelines ask
# for. Program, API, floating IPs and Tempest are in one network namespace, so
# that the servers are reached and nothing of this host's network is touched.
set -euo pipefail
. "$(dirname "$0")/common.sh"
maru=$(readlink -f "$1") image=$(readlink -f "$2")
shift 2
[ $# -gt 0 ] || set -- --interop
"$root/scripts/deps.sh" run test
[ "$(id -u)" = 0 ] || exec sudo -E env "PATH=$PATH" "$0" "$maru" "$image" "$@"

namespace=maru-tempest-$$
work=$(mktemp -d)
chmod 755 "$work"
out=$target/tempest
pid= web=
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
say "tempest $* (results in $out)"
inside "$root/tests/tempest/run-tempest.sh" -o "$out" "$@"
