#!/bin/sh
# Builds bnn-core and bnn-capi for bare metal (no std, no heap) and prints how large they are. A
# big-endian target must be refused, in words that say why.
# usage: ci/bare-metal.sh [TARGET..]        (default: all that docs/EMBEDDED.md names)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

targets=${*:-$arm_targets $risc_v_targets}
use_cross binutils-arm-none-eabi binutils-riscv64-unknown-elf

# build PACKAGE [ARGUMENT..]: builds a crate for $target.
build() {
    cargo rustc --quiet --locked --release --lib --no-default-features \
        --target "$target" --target-dir target/bare-metal -p "$@"
}

roots=$(sed -n 's/^[a-z][a-z0-9_ ]*[ *]\(bnn_[a-z0-9_]*\)(.*/-u \1/p' include/bnn.h)
for target in $targets; do
    use_target "$target" core
    build bnn-core
    build bnn-capi --crate-type staticlib

    # Linked the way firmware does it: what none of the exported functions needs is left out.
    out=target/bare-metal/$target/release
    tools=$(tools_of "$target")
    # shellcheck disable=SC2086  # a list of words
    "$tools-ld" -m "$(emulation_of "$target")" --gc-sections -e bnn_gemm_i32 $roots -o "$out/all-functions.elf" "$out/libbnn.a"
    echo "$target, all functions of bnn.h:"
    "$tools-size" -A "$out/all-functions.elf" | awk '/^\.(text|rodata|data|bss|ARM)/ { print "  " $1, $2 }'
done

# Words and model files are read in place, so that another order of bytes would be another result.
target=s390x-unknown-linux-gnu
use_target "$target" core
told=$(build bnn-core 2>&1) && { echo "$target was not refused" >&2; exit 1; }
case $told in
    *"big-endian targets are not supported"*) echo "$target: refused, for its order of bytes" ;;
    *) echo "$target was refused for another reason: $told" >&2; exit 1 ;;
esac
