#!/bin/bash
# Measures the program, each figure beside its goal or a baseline of the same
# run (make bench). A table on screen, JSON in target/bench/.
#   scripts/bench.sh PROGRAM IMAGE
set -euo pipefail
. "$(dirname "$0")/common.sh"
maru=$1
mkdir -p "$target/bench"
cd "$root"
say "API, start and memory, against the simulated host"
cargo run --release --locked --quiet -p maru --example bench -- --maru "$maru" --json "$target/bench/api.json"
