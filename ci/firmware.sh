#!/bin/sh
# Builds the example firmware and runs it on emulated boards: Cortex-M0, M4, M7 and RISC-V. Each compares its answers with
# the host's, bit for bit, and prints what a run costs. Time is counted by instructions, so the figures repeat.
# usage: ci/firmware.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

# The answers that the firmware holds are those that this host gives (with the toolchain of the other crates).
vectors=$(mktemp -d)
trap 'rm -rf "$vectors"' EXIT
for model in digits cnn; do
    cargo run --quiet --locked -p bnn-cli -- test-vectors "firmware/models/$model.bnn" --data digits --out "$vectors/$model" >/dev/null
    cmp "$vectors/$model.inputs" firmware/models/digits.inputs
    cmp "$vectors/$model.outputs" "firmware/models/$model.outputs"
done

use_debian_rust binutils-arm-none-eabi binutils-riscv64-unknown-elf qemu-system-arm qemu-system-misc

# build TARGET LINKER [LINK_ARGUMENT..]: builds $program with $features.
build() {
    target=$1 linker=$2
    shift 2
    use_sysroot "$target" core
    cargo rustc --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
        --target "$target" -p boards --bin "$program" --features "$features" -- -C linker="$linker" "$@"
}

# emulate EMULATOR MACHINE: runs what was built last. Two minutes are a hundred times what it takes.
emulate() {
    echo "== $program on $2, $target"
    emulator=$1 machine=$2
    shift 2
    timeout 120 "$emulator" -M "$machine" "$@" -icount shift=6,sleep=off -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "target/firmware/$target/release/$program"
}

for program in digits linear cnn; do
    features=
    [ "$program" != cnn ] || features=conv
    build thumbv7em-none-eabi arm-none-eabi-ld
    emulate qemu-system-arm mps2-an386
    emulate qemu-system-arm mps2-an500
    build thumbv6m-none-eabi arm-none-eabi-ld
    emulate qemu-system-arm microbit
    build riscv32imc-unknown-none-elf riscv64-unknown-elf-ld -C link-arg=-melf32lriscv
    emulate qemu-system-riscv32 virt -bios none
done
