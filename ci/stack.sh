#!/bin/sh
# How much stack opening and running a model takes at most, by the frames and calls in linked firmware; fails where something
# calls itself, or calls through a pointer what nobody knows. No more has been seen on the boards (`bnn info --mcu`).
# usage: ci/stack.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh
. ci/lib/stack.sh

out=target/stack
mkdir -p "$out"
cargo run --quiet --locked -p bnn-cli -- info firmware/models/digits.bnn --mcu --json >"$out/predicted"
use_debian_rust binutils-arm-none-eabi

for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
    use_sysroot "$target" core
    cargo rustc --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
        --target "$target" -p footprint --bin model -- \
        -C linker=arm-none-eabi-ld -C link-arg=-eentry -C link-arg=--gc-sections
    # Sums go to what makes bits or scores of them, and real scores are made where there are some.
    stack_bound "target/firmware/$target/release/model" entry \
        'Resolved::outputs -> run_dense::{{closure}}' 'Finish::put -> call_once' >"$out/bound"
    painted=$(grep -o "{[^{}]*\"target\":\"$target\"}" "$out/predicted" | grep -o '"stack_bytes":[0-9]*' | cut -d: -f2)
    echo "$target, open, run and argmax (seen by painting, the larger of open and run: $painted bytes):"
    cat "$out/bound"
    bound=$(sed -n 's/^stack: at most \([0-9]*\) bytes$/\1/p' "$out/bound")
    [ "$bound" -ge "$painted" ] || { echo "more than the bound was seen on the boards" >&2; exit 1; }
done
