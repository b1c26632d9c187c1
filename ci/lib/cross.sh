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

# sysroot_of TARGET: where its standard library is, or will be. It serves only the compiler that built it.
sysroot_of() { echo "$PWD/target/sysroots/$1-$(rustc --version | cut -d' ' -f2)"; }

# use_sysroot TARGET CRATES [FLAGS]: has cargo build for TARGET with the standard library's CRATES (core, or std,test),
# which are built if they are missing, and with the compiler's FLAGS. Always the same CRATES for the same TARGET.
use_sysroot() {
    build_sysroots "$2" "$1"
    set_for_target "$1" RUSTFLAGS "--sysroot $(sysroot_of "$1") ${3:-}"
    set_for_target "$1" RUSTDOCFLAGS "--sysroot $(sysroot_of "$1")"
}

# build_sysroots CRATES TARGET..: builds those of the TARGETs' sysroots that are missing, all in one run of cargo.
# -Zbuild-std wants something to build them for: an empty crate.
build_sysroots() {
    crates=$1
    shift
    missing=
    for sysroot_target in "$@"; do
        [ -d "$(sysroot_of "$sysroot_target")" ] || missing="$missing $sysroot_target"
    done
    [ -n "$missing" ] || return 0
    stub=$(mktemp -d)
    mkdir "$stub/src"
    printf '[package]\nname = "stub"\nversion = "0.0.0"\nedition = "2024"\n' >"$stub/Cargo.toml"
    echo '#![no_std]' >"$stub/src/lib.rs"
    # Bitcode, so that a release build can optimise across the standard library.
    # shellcheck disable=SC2046  # a list of words
    (cd "$stub" && quietly env RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
        cargo build --release $(printf ' --target %s' $missing) --target-dir out "-Zbuild-std=$crates")
    for sysroot_target in $missing; do
        # Named so once it is whole: an interrupted build is not taken for a sysroot.
        part=$(sysroot_of "$sysroot_target").part
        rm -rf "$part"
        mkdir -p "$part/lib/rustlib/$sysroot_target/lib"
        find "$stub/out/$sysroot_target/release/deps" -name '*.rlib' ! -name 'libstub*' \
            -exec cp {} "$part/lib/rustlib/$sysroot_target/lib/" \;
        mv "$part" "${part%.part}"
    done
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

# The targets without an operating system that docs/EMBEDDED.md names.
arm_targets="thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabi thumbv7em-none-eabihf
    thumbv8m.base-none-eabi thumbv8m.main-none-eabi thumbv8m.main-none-eabihf"
risc_v_targets="riscv32imc-unknown-none-elf riscv32imac-unknown-none-elf"

# link_for_bare_metal TARGET: has cargo link programs for TARGET with its own linker.
link_for_bare_metal() {
    use_sysroot "$1" core "-C link-arg=-m$(emulation_of "$1")"
    set_for_target "$1" LINKER "$(tools_of "$1")-ld"
}
