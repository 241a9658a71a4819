# Sourced by the scripts beside it: where things are, how to become root, how to speak.
# shellcheck shell=bash disable=SC2034,SC2154
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
image_dir=$target/image
export CARGO_TARGET_DIR=$target

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# as_root COMMAND...: directly, or by sudo with the environment that builds and tests need.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -E env "PATH=$PATH" "$@"
    else
        die "'$1' needs root: run this as root, or install sudo"
    fi
}

# browser_venv: Python's playwright for the browser tests and the bench, below the target directory; says where in $venv.
browser_venv() {
    local wanted=$root/tests/browser/requirements.txt
    venv=$target/venv/browser
    "$root/scripts/deps.sh" test browser
    cmp -s "$wanted" "$venv/.installed" && return
    say "installing playwright and axe-core below $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/.installed"
}
