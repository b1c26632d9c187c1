#!/bin/sh
# Runs every fuzz target, with the address sanitizer. Needs a nightly toolchain of rustup's; installs cargo-fuzz.
# usage: ci/fuzz.sh [SECONDS]        (for each target; default 20)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/packages.sh
. ci/lib/nightly.sh

seconds=${1:-20}
nightly_or_skip "fuzzing"
cargo fuzz --version >/dev/null 2>&1 || quietly cargo install cargo-fuzz --locked --version 0.13.2
for target in $(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' fuzz/Cargo.toml); do
    echo "$target:"
    quietly cargo +nightly fuzz build "$target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 2>&1 |
        grep -E 'stat::number_of_executed_units|SUMMARY|panicked|Done' || status=1
    # The pipe hides the status of the run: a finding leaves a file.
    [ -z "$(ls "fuzz/artifacts/$target" 2>/dev/null)" ] || status=1
done
exit "${status:-0}"
