#!/bin/sh
# Runs every fuzz target, guided by coverage and with the address sanitizer, from the kept inputs
# on. Installs cargo-fuzz; the compiler is the stable one, told to take the flags that fuzzing
# needs.
# usage: ci/fuzz.sh [SECONDS]        (for each target; default 60)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/tools.sh
. ci/lib/isas.sh

seconds=${1:-60}
cargo_tool fuzz
export RUSTC_BOOTSTRAP=1
# Products on the thread that libFuzzer watches: for a panic on another one it does not keep the
# input.
export RAYON_NUM_THREADS=1
# What the engine takes for granted of its own calls is checked as well, and no time is spent on
# optimising across crates.
export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true CARGO_PROFILE_RELEASE_LTO=off
quietly cargo fuzz build --features libfuzzer

# fuzz TARGET SECONDS: prints how much was run, and all there is to know where something was found.
fuzz() {
    log=$(mktemp)
    mkdir -p "fuzz/corpus/$1"
    if ! cargo fuzz run --features libfuzzer "$1" "fuzz/corpus/$1" "fuzz/seeds/$1" \
        -- -max_total_time="$2" -print_final_stats=1 >"$log" 2>&1; then
        cat "$log" >&2
        rm "$log"
        exit 1
    fi
    sed -n "s/^stat::number_of_executed_units: */$1${BNN_ISA:+, BNN_ISA=$BNN_ISA}: inputs run: /p" "$log"
    rm "$log"
}

for target in product convolution model graph import tflite; do
    fuzz "$target" "$seconds"
done
# Packing is the active kernel's alone.
set -- $(isas)
for isa in "$@"; do
    export BNN_ISA="$isa"
    fuzz packing $(((seconds + $# - 1) / $#))
done
