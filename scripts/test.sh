#!/bin/bash
# The default suite (make test): format, lints, all Rust tests, the guest image,
# the walk-through with the real openstack client, the dashboard in a browser. Ends
# with one line that counts. `scripts/test.sh long` adds what takes longer (make test-long).
set -euo pipefail
. "$(dirname "$0")/common.sh"
long=${1:-}
# Crash and property tests try twenty times as many cases when the first is set; the second is for those that name no number.
[ "$long" != long ] || export MARU_TEST_LONG=1 PROPTEST_CASES=5000
passed=0 failed=0 skipped=0
started=$SECONDS

finish() {
    status=$?
    [ $status = 0 ] || [ $failed != 0 ] || failed=1
    printf '\nafter %d min %02d s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60))
    printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
    exit $status
}
trap finish EXIT

# stage NAME COMMAND...: one thing that passes or fails as a whole.
stage() {
    local began=$SECONDS
    say "$1"
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); exit 1; fi
    took
}

# Where the minutes went.
took() { printf '   (%d s)\n' $((SECONDS - began)); }

# counted NAME COMMAND...: its own count stands in its output.
counted() {
    local log status=0 counts began=$SECONDS
    log=$(mktemp)
    say "$1"
    shift
    "$@" 2>&1 | tee "$log" || status=1
    counts=$(count <"$log")
    rm -f "$log"
    read -r p f s <<<"$counts"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    # A run without one passed test is no success.
    if [ $status != 0 ] || [ "$p" = 0 ]; then
        [ "$f" -gt 0 ] || failed=$((failed + 1))
        exit 1
    fi
    took
}

# Understands nextest ("12 tests run: 11 passed (1 slow), 1 failed, 2 skipped"),
# cargo test ("test result: ok. 11 passed; 1 failed; 2 ignored") and our scripts ("11 passed, 1 failed").
count() {
    sed 's/\x1b\[[0-9;]*m//g' | awk '
        /tests? run:|^test result:|^[0-9]+ passed, [0-9]+ failed/ {
            line = $0
            while (match(line, /[0-9]+ (passed|failed|timed out|skipped|ignored)/)) {
                split(substr(line, RSTART, RLENGTH), word, " ")
                if (word[2] == "passed") p += word[1]
                else if (word[2] == "skipped" || word[2] == "ignored") s += word[1]
                else f += word[1]
                line = substr(line, RSTART + RLENGTH)
            }
        }
        END { print p + 0, f + 0, s + 0 }'
}

rust_tests() {
    # Built as the user who calls; run as root, because they make network namespaces.
    [ "$(id -u)" = 0 ] || export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="sudo -E env PATH=$PATH"
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --no-fail-fast --status-level fail "$@"
    else
        cargo test --workspace --no-fail-fast --quiet "$@"
    fi
}

shell_lint() {
    cd "$root"
    shellcheck -x -P SCRIPTDIR -s bash scripts/*.sh tests/*.sh image/test.sh &&
        shellcheck -s dash image/build.sh .ci/run &&
        PYTHONPYCACHEPREFIX=$target/pycache python3 -m compileall -q image tests
}

cd "$root"
"$root/scripts/deps.sh" build run image test browser lint
stage "format" cargo fmt --all --check
stage "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
stage "shell scripts" shell_lint
stage "guest image" "$root/image/build.sh" "$image_dir"
export MARU_TEST_IMAGE_DIR=$image_dir
counted "Rust tests" rust_tests
# The program's own tests had it built; asking cargo for it alone would compile half of the libraries again, with fewer features.
stage "program" test -x "$target/debug/maru"
if [ "$long" = long ]; then
    counted "guest image, booted" as_root "$root/image/test.sh" "$image_dir"
    for difference in --ec2 --no-dhcp --dhcp-after=20; do
        stage "guest image, $difference" as_root "$root/image/test.sh" --direct --quick --cloud "$difference" "$image_dir"
    done
fi
counted "walk-through" as_root "$root/tests/walkthrough.sh"
if [ "$long" = long ]; then
    counted "dashboard in a browser" as_root "$root/tests/browser.sh" --long
else
    counted "dashboard in a browser, its pages" as_root "$root/tests/browser.sh" --short pages live
fi
# The suite's own choice of what must work first, of the services that there are; `make tempest` runs the rest.
counted "Tempest, its smoke tests" as_root "$root/scripts/tempest.sh" "$target/debug/maru" "$image_dir/tiny.qcow2" \
    --only --exclude 'object_storage|dashboard' '^tempest\..*\[.*\bsmoke\b.*\]'
counted "crash, breakage, reboot" as_root "$root/tests/faults.sh" ${long:+--long}
