#!/bin/sh
# Builds bnn-core and bnn-capi for bare metal (no std, no heap) and prints how large they are.
# usage: ci/bare-metal.sh [TARGET..]        (default: thumbv7em-none-eabi thumbv6m-none-eabi)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

targets=${*:-thumbv7em-none-eabi thumbv6m-none-eabi}
use_debian_rust binutils-arm-none-eabi

# Builds a crate for $target.
build() {
    cargo rustc --quiet --release --lib --no-default-features \
        --target "$target" --target-dir target/bare-metal "$@"
}

for target in $targets; do
    use_sysroot "$target" core
    build -p bnn-core
    build -p bnn-capi --crate-type staticlib

    # Linked the way firmware does it: what none of the exported functions needs is left out.
    out=target/bare-metal/$target/release
    roots=$(sed -n 's/^[a-z][a-z0-9_ ]*[ *]\(bnn_[a-z0-9_]*\)(.*/-u \1/p' include/bnn.h)
    # shellcheck disable=SC2086
    arm-none-eabi-ld --gc-sections -e bnn_gemm_i32 $roots -o "$out/all-functions.elf" "$out/libbnn.a"
    echo "$target, all functions of bnn.h:"
    arm-none-eabi-size -A "$out/all-functions.elf" | awk '/^\.(text|rodata|data|bss|ARM)/ { print "  " $1, $2 }'
done
