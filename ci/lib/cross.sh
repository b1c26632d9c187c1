# shellcheck shell=sh Building for other targets. rustup has the standard library of most of them,
# ready; of the others it is built from Debian's Rust, which comes with its sources, and kept under
# target/sysroots/. To be sourced, from the repository's root.

. ci/lib/packages.sh

host_path=$PATH

# use_cross PACKAGE..: installs what the targets need besides Rust.
use_cross() {
    install "$@"
    # Inherited flags would replace those of a target.
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTDOCFLAGS
}

# rustup_has TARGET: whether rustup's toolchain has the target, which is added if it can be.
rustup_has() {
    PATH=$host_path
    command -v rustup >/dev/null || return 1
    rustup target list --installed 2>/dev/null | grep -qx "$1" && return 0
    timeout 300 rustup target add "$1" >/dev/null 2>&1
}

# set_for_target TARGET KEY VALUE: cargo's setting KEY for TARGET: LINKER, RUNNER, ..
set_for_target() {
    export "CARGO_TARGET_$(echo "$1" | tr 'a-z.-' 'A-Z__')_$2=$3"
}

# sysroot_of TARGET: where its standard library is, or will be. It serves only the compiler that
# built it.
sysroot_of() { echo "$PWD/target/sysroots/$1-$(rustc --version | cut -d' ' -f2)"; }

# use_target TARGET CRATES [FLAGS]: has cargo build for TARGET, with the compiler's FLAGS. If rustup
# does not have the target, the standard library's CRATES (core, or std,test) are built unless they
# are there. Always the same CRATES for the same TARGET.
use_target() {
    if rustup_has "$1"; then
        set_for_target "$1" RUSTFLAGS "${3:-}"
        return
    fi
    install rustc-web cargo-web rust-web-src
    # The compiler that the sources fit comes first.
    PATH=/usr/bin:$host_path
    build_sysroots "$2" "$1"
    set_for_target "$1" RUSTFLAGS "--sysroot $(sysroot_of "$1") ${3:-}"
    set_for_target "$1" RUSTDOCFLAGS "--sysroot $(sysroot_of "$1")"
}

# build_sysroots CRATES TARGET..: builds those of the TARGETs' sysroots that are missing, all in one
# run of cargo. -Zbuild-std wants something to build them for: an empty crate.
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
    use_target "$1" core "-C link-arg=-m$(emulation_of "$1")"
    set_for_target "$1" LINKER "$(tools_of "$1")-ld"
}
