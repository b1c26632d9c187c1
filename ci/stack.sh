#!/bin/sh
# How much stack running a model takes at most, and opening it before, by the frames and calls in linked firmware; fails where something
# calls itself, or calls through a pointer what nobody knows. No more has been seen on the boards (`bnn info --mcu`).
# usage: ci/stack.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh
. ci/lib/stack.sh

out=target/stack
mkdir -p "$out"
for model in digits cnn; do
    cargo run --quiet --locked -p bnn-cli -- info "firmware/models/$model.bnn" --mcu --json >"$out/$model"
done
use_debian_rust binutils-arm-none-eabi

# bound PROGRAM TARGET MODEL FEATURES [RULE..]: of a program of footprint's, and not less than what is painted with MODEL.
bound() {
    program=$1 target=$2 model=$3 features=$4
    shift 4
    use_sysroot "$target" core
    cargo rustc --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
        --target "$target" -p footprint --bin "$program" --features "$features" -- \
        -C linker=arm-none-eabi-ld -C link-arg=-eentry -C link-arg=--gc-sections
    stack_bound "target/firmware/$target/release/$program" entry "$@" >"$out/bound"
    painted=$(grep -o "{[^{}]*\"target\":\"$target\"}" "$out/$model" | grep -o '"stack_bytes":[0-9]*' | cut -d: -f2)
    echo "$program, $target, features '$features' (seen by painting, of $model: $painted bytes):"
    cat "$out/bound"
    most=$(sed -n 's/^stack: at most \([0-9]*\) bytes$/\1/p' "$out/bound")
    [ "$most" -ge "$painted" ] || { echo "more than the bound was seen on the boards" >&2; exit 1; }
}

for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
    for program in run open; do
        bound "$program" "$target" digits ""
        # Real scores are made through a pointer (`Reals`).
        bound "$program" "$target" cnn conv '* -> call_once'
    done
done
