#!/bin/sh
# Builds the example firmware and runs it on emulated boards: Cortex-M0, M3, M4, M7, M55 and RISC-V. Each compares its answers with
# the host's, bit for bit, and prints what a run costs. Time is counted by instructions, so the figures repeat.
# usage: ci/firmware.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

# The answers that the firmware holds are those that this host gives (with the toolchain of the other crates).
vectors=$(mktemp -d)
trap 'rm -rf "$vectors"' EXIT
for model in digits digits-int digits-bits cnn; do
    cargo run --quiet --locked -p bnn-cli -- test-vectors "firmware/models/$model.bnn" --data digits --out "$vectors/$model" >/dev/null
    cmp "$vectors/$model.inputs" firmware/models/digits.inputs
    cmp "$vectors/$model.outputs" "firmware/models/$model.outputs"
    # What the command predicts of the runs below.
    cargo run --quiet --locked -p bnn-cli -- info "firmware/models/$model.bnn" --mcu --json >"$vectors/$model.json"
done

# What programs are built with that lies in no repository: of the clothes, and of the watch's motions.
export BNN_VECTORS="$PWD/target/vectors"
mkdir -p "$BNN_VECTORS"
install dataset-fashion-mnist python3-pip unzip
cargo run --quiet --locked -p bnn-cli -- test-vectors firmware/models/fashion.bnn --data /usr/share/datasets/fashion-mnist \
    --out "$BNN_VECTORS/fashion" >/dev/null
if [ ! -e "$BNN_VECTORS/BasicMotions_TEST.ts" ]; then
    quietly python3 -m pip download --no-deps --dest "$vectors" aeon==1.6.0
    unzip -q -o -j "$vectors/aeon-1.6.0-py3-none-any.whl" 'aeon/datasets/data/BasicMotions/*.ts' -d "$BNN_VECTORS"
fi
cargo run --quiet --locked -p bnn-autograd --example motions -- "$BNN_VECTORS/BasicMotions_TRAIN.ts" \
    "$BNN_VECTORS/BasicMotions_TEST.ts" "$BNN_VECTORS/motions" | tail -n 2

use_debian_rust binutils-arm-none-eabi binutils-riscv64-unknown-elf qemu-system-arm qemu-system-misc

# build PROGRAM TARGET [FEATURES]: builds it, as $program for $target.
build() {
    program=$1 target=$2
    use_sysroot "$target" core
    cargo rustc --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
        --target "$target" -p boards --bin "$program" --features "${3:-}" -- \
        -C linker="$(tools_of "$target")-ld" -C link-arg=-m"$(emulation_of "$target")"
}

# emulate EMULATOR MACHINE: runs what was built last. Two minutes are a hundred times what it takes.
emulate() {
    echo "== $program on $2, $target"
    emulator=$1 machine=$2
    shift 2
    timeout 120 "$emulator" -M "$machine" "$@" -icount shift=6,sleep=off -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "target/firmware/$target/release/$program" >"$vectors/told" 2>&1 || {
        cat "$vectors/told"
        exit 1
    }
    cat "$vectors/told"
}

# everywhere PROGRAM [FEATURES]: builds it and runs it on Cortex-M4, M0 and RISC-V.
everywhere() {
    build "$1" thumbv7em-none-eabi "${2:-}"
    emulate qemu-system-arm mps2-an386
    build "$1" thumbv6m-none-eabi "${2:-}"
    emulate qemu-system-arm microbit
    build "$1" riscv32imc-unknown-none-elf "${2:-}"
    emulate qemu-system-riscv32 virt -bios none
}

# predicted KEY: what `bnn info --mcu` says of the model of $program on $target.
predicted() {
    grep -o "{[^{}]*\"target\":\"$target\"}" "$vectors/$(echo "$program" | tr _ -).json" | grep -o "\"$1\":[0-9]*" | cut -d: -f2
}

# check_prediction: whether what the last run took is what was predicted: instructions to a tenth, stack at most.
check_prediction() {
    case $program in linear | products) return 0 ;; esac
    # shellcheck disable=SC2046  # two words
    set -- $(sed -n 's/^run: at most \([0-9]*\) instructions and \([0-9]*\) bytes of stack$/\1 \2/p' "$vectors/told")
    instructions=$(predicted run_instructions) stack=$(predicted stack_bytes)
    echo "predicted: $instructions instructions, at most $stack bytes of stack"
    off=$((instructions > $1 ? instructions - $1 : $1 - instructions))
    [ $((off * 10)) -le "$1" ] && [ "$2" -le "$stack" ] && return
    echo "crates/bnn-cli/src/mcu/cores.rs predicts otherwise; the program costs measures what is to be there" >&2
    exit 1
}

# floats: what $program has in it to compute with floats: routines of the compiler's, instructions of an FPU.
floats() {
    elf=target/firmware/$target/release/$program
    "$(tools_of "$target")-nm" "$elf" | grep -E ' __(aeabi_([fd]|u?[il]2[fd])|(add|sub|mul|div|float|fix)[a-z]*[sd]f)' || true
    case $target in thumb*) arm-none-eabi-objdump -d "$elf" | grep -E "$(printf '\t')v[a-z]" || true ;; esac
}

# check_floats: digits_int and digits_bits must have none of them, and digits, whose scores are real, shows that they would be found.
check_floats() {
    case $program in
        digits) [ -n "$(floats)" ] || { echo "the search for floats does not find those of $program" >&2; exit 1; } ;;
        digits_int | digits_bits) [ -z "$(floats)" ] || { echo "$program computes with floats:" >&2; floats >&2; exit 1; } ;;
    esac
}

for name in digits digits_int digits_bits linear products; do
    build "$name" thumbv7em-none-eabi
    check_floats
    emulate qemu-system-arm mps2-an386
    check_prediction
    emulate qemu-system-arm mps2-an500
    build "$name" thumbv6m-none-eabi
    check_floats
    emulate qemu-system-arm microbit
    check_prediction
    build "$name" riscv32imc-unknown-none-elf
    check_floats
    emulate qemu-system-riscv32 virt -bios none
    check_prediction
done

# The same bits with an FPU, and on the other cores. Of the Cortex-M23 there is no board in qemu: its program runs on the M55,
# which has all its instructions.
for name in digits digits_int; do
    build "$name" thumbv7em-none-eabihf
    check_floats
    emulate qemu-system-arm mps2-an386
    emulate qemu-system-arm mps2-an500
done
build digits thumbv7m-none-eabi
emulate qemu-system-arm mps2-an385
for target in thumbv8m.base-none-eabi thumbv8m.main-none-eabi thumbv8m.main-none-eabihf; do
    build digits "$target"
    emulate qemu-system-arm mps3-an547
done
build digits riscv32imac-unknown-none-elf
emulate qemu-system-riscv32 virt -bios none

# A network of convolutions.
everywhere cnn conv
build cnn thumbv7em-none-eabi conv
emulate qemu-system-arm mps2-an500

# Against the instructions that only these cores have.
build int8 thumbv7em-none-eabi
emulate qemu-system-arm mps2-an386
emulate qemu-system-arm mps2-an500

# On a part with 32 KB of flash and 4 KB of RAM, which the linker is told.
build fashion thumbv6m-none-eabi conv,small
emulate qemu-system-arm microbit
build fashion thumbv7em-none-eabi conv,small
emulate qemu-system-arm mps2-an386
arm-none-eabi-size "target/firmware/$target/release/$program"
echo "100 images: every score is the host's, bit for bit"

# A sensor's samples, one by one.
everywhere motions conv

# The constants behind the predictions.
everywhere costs
