#!/bin/sh
# Builds bnn-core and bnn-capi for bare metal (no std, no heap) and prints how large they are.
# usage: ci/bare-metal.sh [TARGET..]        (default: thumbv7em-none-eabi thumbv6m-none-eabi)
#
# The targets' `core` library is built once, from the sources that Debian ships with its Rust, and kept under
# target/sysroots/. What is missing of that is installed with apt-get.
set -eu
cd "$(dirname "$0")/.."

targets=${*:-thumbv7em-none-eabi thumbv6m-none-eabi}
packages="rustc-web cargo-web rust-web-src binutils-arm-none-eabi"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }; }

# shellcheck disable=SC2086  # a list of words
if ! dpkg --status $packages >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    # Mirrors are caught in the middle of an update now and then.
    quietly as_root apt-get update || quietly as_root apt-get update
    quietly as_root apt-get install -y --no-install-recommends $packages
fi
# Debian's compiler is the one that its sources fit.
PATH=/usr/bin:$PATH
export PATH
# An inherited RUSTFLAGS would replace those of a target.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS

# Builds `core` for target $1 into the sysroot $2. -Zbuild-std wants something to build it for: an empty crate.
build_sysroot() {
    stub=$(mktemp -d)
    mkdir "$stub/src"
    printf '[package]\nname = "stub"\nversion = "0.0.0"\nedition = "2024"\n' >"$stub/Cargo.toml"
    echo '#![no_std]' >"$stub/src/lib.rs"
    # Bitcode, so that a release build can optimise across `core`.
    (cd "$stub" && quietly env RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
        cargo build --release --target "$1" --target-dir out -Zbuild-std=core)
    mkdir -p "$2.part/lib/rustlib/$1/lib"
    find "$stub/out/$1/release/deps" -name '*.rlib' ! -name 'libstub*' \
        -exec cp {} "$2.part/lib/rustlib/$1/lib/" \;
    mv "$2.part" "$2"
    rm -rf "$stub"
}

# Builds a crate for $target.
build() {
    cargo rustc --quiet --release --lib --no-default-features \
        --target "$target" --target-dir target/bare-metal "$@"
}

for target in $targets; do
    # A sysroot serves only the compiler that built it.
    sysroot=$PWD/target/sysroots/$target-$(rustc --version | cut -d' ' -f2)
    [ -d "$sysroot" ] || build_sysroot "$target" "$sysroot"

    variable=CARGO_TARGET_$(echo "$target" | tr 'a-z.-' 'A-Z__')_RUSTFLAGS
    export "$variable=--sysroot $sysroot"
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
