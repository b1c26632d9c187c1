# shellcheck shell=sh
# Building for targets whose standard library rustup's toolchain does not have. Debian's Rust comes with its sources;
# what a target needs of them is built once and kept under target/sysroots/. To be sourced, from the repository's root.

. ci/lib/packages.sh

# use_debian_rust PACKAGE..: makes Debian's compiler, the one that its sources fit, the one in use. The PACKAGEs are
# installed with it.
use_debian_rust() {
    install rustc-web cargo-web rust-web-src "$@"
    PATH=/usr/bin:$PATH
    export PATH
    # Inherited flags would replace those of a target.
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTDOCFLAGS
}

# set_for_target TARGET KEY VALUE: cargo's setting KEY for TARGET: LINKER, RUNNER, ..
set_for_target() {
    export "CARGO_TARGET_$(echo "$1" | tr 'a-z.-' 'A-Z__')_$2=$3"
}

# use_sysroot TARGET CRATES [FLAGS]: has cargo build for TARGET with the standard library's CRATES (core, or std,test),
# which are built if they were not yet, and with the compiler's FLAGS. Always the same CRATES for the same TARGET.
use_sysroot() {
    # A sysroot serves only the compiler that built it.
    sysroot=$PWD/target/sysroots/$1-$(rustc --version | cut -d' ' -f2)
    [ -d "$sysroot" ] || build_sysroot "$1" "$2" "$sysroot"
    set_for_target "$1" RUSTFLAGS "--sysroot $sysroot ${3:-}"
    set_for_target "$1" RUSTDOCFLAGS "--sysroot $sysroot"
}

# Builds the crates $2 for target $1 into the sysroot $3. -Zbuild-std wants something to build them for: an empty crate.
build_sysroot() {
    stub=$(mktemp -d)
    mkdir "$stub/src"
    printf '[package]\nname = "stub"\nversion = "0.0.0"\nedition = "2024"\n' >"$stub/Cargo.toml"
    echo '#![no_std]' >"$stub/src/lib.rs"
    # Bitcode, so that a release build can optimise across the standard library.
    (cd "$stub" && quietly env RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
        cargo build --release --target "$1" --target-dir out "-Zbuild-std=$2")
    # Named so once it is whole: an interrupted build is not taken for a sysroot.
    rm -rf "$3.part"
    mkdir -p "$3.part/lib/rustlib/$1/lib"
    find "$stub/out/$1/release/deps" -name '*.rlib' ! -name 'libstub*' \
        -exec cp {} "$3.part/lib/rustlib/$1/lib/" \;
    mv "$3.part" "$3"
    rm -rf "$stub"
}

# tools_of TARGET: what the names of its linker and its other tools begin with, for bare metal.
tools_of() {
    case $1 in
        riscv*) echo riscv64-unknown-elf ;;
        *) echo arm-none-eabi ;;
    esac
}

# emulation_of TARGET: what its linker has to be told.
emulation_of() {
    case $1 in
        riscv32*) echo elf32lriscv ;;
        *) echo armelf ;;
    esac
}

# test_core TARGET [ARGUMENT..]: runs bnn-core's tests for TARGET, with more arguments for cargo.
test_core() {
    test_target=$1
    shift
    cargo test --quiet --locked -p bnn-core --target "$test_target" --target-dir target/cross "$@"
}
