#!/bin/sh
# Runs every fuzz target, with the address sanitizer. Needs a nightly toolchain of rustup's; installs cargo-fuzz.
# usage: ci/fuzz.sh [SECONDS]        (for each target; default 20)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/packages.sh
. ci/lib/nightly.sh
. ci/lib/isas.sh

seconds=${1:-20}
nightly_or_skip "fuzzing"
cargo fuzz --version >/dev/null 2>&1 || quietly cargo install cargo-fuzz --locked --version 0.13.2
# Products on the thread that libFuzzer watches: for a panic on another one it does not keep the input.
export RAYON_NUM_THREADS=1
quietly cargo +nightly fuzz build

# fuzz TARGET SECONDS: prints how much was run, and all there is to know where something was found.
fuzz() {
    log=$(mktemp)
    if ! cargo +nightly fuzz run "$1" -- -max_total_time="$2" -print_final_stats=1 >"$log" 2>&1; then
        cat "$log" >&2
        rm "$log"
        exit 1
    fi
    sed -n "s/^stat::number_of_executed_units: */$1${BNN_ISA:+, BNN_ISA=$BNN_ISA}: inputs run: /p" "$log"
    rm "$log"
}

for target in product convolution model; do
    fuzz "$target" "$seconds"
done
# Packing is the active kernel's alone.
set -- $(isas)
for isa in "$@"; do
    export BNN_ISA="$isa"
    fuzz packing $(((seconds + $# - 1) / $#))
done
