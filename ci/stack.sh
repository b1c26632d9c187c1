#!/bin/sh
# How much stack opening and running a model takes at most, by the frames and calls in linked firmware; fails where something
# calls itself, or calls through a pointer what nobody knows. No more has been seen on the boards (`bnn info --mcu`).
# usage: ci/stack.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

targets="thumbv7em-none-eabi thumbv6m-none-eabi"
out=target/stack
mkdir -p "$out"

# With Debian's Rust, which is not that of xtask.
list() (
    use_debian_rust binutils-arm-none-eabi
    for target in $targets; do
        use_sysroot "$target" core
        cargo rustc --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
            --target "$target" -p footprint --bin mlp -- \
            -C linker=arm-none-eabi-ld -C link-arg=-eentry -C link-arg=--gc-sections
        arm-none-eabi-objdump -d --demangle --no-show-raw-insn "target/firmware/$target/release/mlp" >"$out/$target"
    done
)

list
cargo run --quiet --locked -p bnn-cli -- info firmware/models/digits.bnn --mcu --json >"$out/predicted"
for target in $targets; do
    # A layer is read with or without its tail bits being checked; sums go to what makes bits or scores of them.
    cargo xtask stack "$out/$target" entry \
        'Model::layer -> BitMatrixView::new, FnOnce::call_once' \
        'in_place::multiply -> part_in_place::{{closure}}' >"$out/bound"
    painted=$(grep -o "{[^{}]*\"target\":\"$target\"}" "$out/predicted" | grep -o '"stack_bytes":[0-9]*' | cut -d: -f2)
    echo "$target, open, run and argmax (seen by painting it, the larger of open and run: $painted bytes):"
    cat "$out/bound"
    bound=$(sed -n 's/^stack: at most \([0-9]*\) bytes$/\1/p' "$out/bound")
    [ "$bound" -ge "$painted" ] || { echo "more than the bound was seen on the boards" >&2; exit 1; }
done
