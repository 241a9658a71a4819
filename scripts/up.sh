#!/bin/bash
# Starts the cloud on this host in the background (make up).
#   scripts/up.sh PROGRAM IMAGE [ARGUMENT OF "maru up"...]
# MARU_STATE_DIR and MARU_LISTEN choose the place and the address.
set -euo pipefail
. "$(dirname "$0")/common.sh"
maru=$1 image=$2
shift 2
state=${MARU_STATE_DIR:-/var/lib/maru}
listen=${MARU_LISTEN:-127.0.0.1:5000}

answers() { curl -fs --noproxy '*' -o /dev/null --max-time 2 "http://$listen/healthz"; }

"$root/scripts/deps.sh" run test
if answers; then
    echo "a cloud answers at http://$listen already"
    exit 0
fi
as_root mkdir -p "$state"
as_root chmod 711 "$state"
log=$state/maru.log
# The inner shell opens the log: it belongs to root.
# shellcheck disable=SC2016
MARU_IMAGE=$image as_root setsid --fork sh -c 'exec "$@" >>"$0" 2>&1 </dev/null' "$log" \
    "$maru" up --state-dir "$state" --listen "$listen" "$@"
for _ in $(seq 120); do
    if answers; then
        echo "the cloud answers at http://$listen; dashboard: http://$listen/dashboard/"
        echo "  as root:  . $state/openrc    then, for instance:  openstack network list"
        echo "  log:      $log"
        exit 0
    fi
    sleep 0.5
done
as_root tail -20 "$log" >&2
die "no answer from http://$listen within 60 s; the log above is $log"
