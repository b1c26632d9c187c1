#!/usr/bin/env bash
# Times training steps of the same binary networks on the tape and in LibTorch (f32), taking turns,
# and prints tables.
#
#   benches/train_step.sh [ROUNDS [STEPS [THREADS]]]
#
# Needs Debian's libtorch-dev, cmake, g++ and libopenblas0-openmp. LibTorch runs twice: as it is,
# and with the C library's `malloc` told to keep what is released, which spares it the page faults
# of fresh memory. Ratios are to the faster.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/libtorch.sh

rounds=${1:-5} steps=${2:-60} threads=${3:-2}

cmake -S benches/libtorch -B target/libtorch >/dev/null
cmake --build target/libtorch --target train_step >/dev/null
cargo build --release --quiet --locked -p bnn-benches --example train_step

use_openblas
keep=(env MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=10000000000 MALLOC_TOP_PAD_=100000000)

# NAME COMMAND..: runs it, and keeps its line of JSON under the name.
results=$(mktemp)
trap 'rm -f "$results"' EXIT
run() {
    local line
    line=$("${@:2}")
    printf '%s\t%s\n' "$1" "$line" >>"$results"
}

for _ in $(seq "$rounds"); do
    run "mlp LibTorch" target/libtorch/train_step mlp "$steps" "$threads"
    run "mlp LibTorch, memory kept" "${keep[@]}" target/libtorch/train_step mlp "$steps" "$threads"
    run "mlp bnn" target/release/examples/train_step mlp "$steps" "$threads"
    run "cnn LibTorch" target/libtorch/train_step cnn "$steps" "$threads"
    run "cnn LibTorch, memory kept" "${keep[@]}" target/libtorch/train_step cnn "$steps" "$threads"
    run "cnn bnn" target/release/examples/train_step cnn "$steps" "$threads"
done

awk -F '\t' '
    function field(name) {
        if (!match($2, "\"" name "\": \"?[^,\"}]*")) return ""
        text = substr($2, RSTART, RLENGTH)
        sub(/^"[^"]*": "?/, "", text)
        return text
    }
    function compare(network,    plain, kept, ours, fast) {
        plain = network " LibTorch"; kept = plain ", memory kept"; ours = network " bnn"
        fast = median[kept] < median[plain] ? kept : plain
        printf "%s against \"%s\": %.2f times as fast by medians, %.2f by best steps; 1/%.1f of the bytes\n", \
            network, fast, median[fast] / median[ours], best[fast] / best[ours], bytes[fast] / bytes[ours]
        printf "%s against \"%s\": %.2f times as fast by medians, %.2f by best steps\n", \
            network, plain, median[plain] / median[ours], best[plain] / best[ours]
    }
    !($1 in count) { order[++names] = $1; best[$1] = 1e9 }
    {
        # Medians in rising order.
        ms = field("median_ms") + 0
        for (i = ++count[$1]; i > 1 && medians[$1, i - 1] > ms; i--) medians[$1, i] = medians[$1, i - 1]
        medians[$1, i] = ms
        if (field("best_ms") + 0 < best[$1]) best[$1] = field("best_ms") + 0
        bytes[$1] = field("saved_bytes")
        if (field("engine") == "libtorch") about = "LibTorch " field("version") " with " field("blas")
        shape = "batch " field("batch") ", " field("threads") " threads, " field("steps") " steps a round"
    }
    END {
        print about "; " shape
        print "| network | median of " count[order[1]] " rounds, ms | best, ms | saved for backward, bytes |"
        print "| --- | --- | --- | --- |"
        for (i = 1; i <= names; i++) {
            name = order[i]
            median[name] = medians[name, int((count[name] + 1) / 2)]
            printf "| %s | %.2f | %.2f | %d |\n", name, median[name], best[name], bytes[name]
        }
        print ""
        compare("mlp")
        compare("cnn")
    }
' "$results"
