#!/bin/sh
# Builds a C program around an exported model and libbnn.a, with arm-none-eabi-gcc, and runs it on emulated Cortex-M boards:
# every score must be the host's, bit for bit, and nothing that can panic may be linked. Prints its flash and stack.
# usage: ci/c-firmware.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh
. ci/lib/panics.sh

out=target/c-firmware
mkdir -p "$out/model" "$out/vectors" "$out/changed"

# The model as C source, and inputs with their outputs: both from this host.
bnn() { cargo run --quiet --locked -p bnn-cli -- "$@"; }
bnn export firmware/models/digits.bnn --to c --out "$out/model" >/dev/null
bnn test-vectors firmware/models/digits.bnn --data digits --out "$out/vectors/digits" >/dev/null

# The same vectors with one bit changed: a program that takes them compares nothing.
cp "$out/vectors/digits.inputs" "$out/changed/"
{
    head -c 3999 "$out/vectors/digits.outputs"
    tail -c 1 "$out/vectors/digits.outputs" | tr '\000-\377' '\001-\377\000'
} >"$out/changed/digits.outputs"

use_debian_rust binutils-arm-none-eabi gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm

# library TARGET: builds libbnn.a, small; leaves its folder in $library.
library() {
    use_sysroot "$1" core
    CARGO_PROFILE_RELEASE_OPT_LEVEL=s CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
        CARGO_PROFILE_RELEASE_PANIC=abort cargo rustc --quiet --locked --release -p bnn-capi --lib --no-default-features \
        --crate-type staticlib --target "$1" --target-dir "$out"
    library=$out/$1/release
    [ -n "$(panics "$library/libbnn.a" 2>/dev/null)" ] || { echo "the search for panics does not find the library's own" >&2; exit 1; }
}

# link PROGRAM MAP VECTORS FLAG..: links $program for a board with the memory MAP.
link() {
    program=$1 map=$2 vectors=$3
    shift 3
    arm-none-eabi-gcc "$@" -std=c99 -Wall -Wextra -Werror -pedantic -Os -ffunction-sections -fdata-sections \
        -I include -I "$out/model" -Wa,-I,"$vectors" \
        ffi-tests/firmware/digits.c ffi-tests/firmware/board.c ffi-tests/firmware/vectors.S "$out/model/digits.c" "$library/libbnn.a" \
        -nostartfiles -Wl,--gc-sections,-z,noexecstack -T "firmware/boards/memory/$map" -T ffi-tests/firmware/sections.ld -o "$program"
}

# emulate MACHINE: runs $program.
emulate() {
    timeout 120 qemu-system-arm -M "$1" -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$program"
}

# check TARGET MAP FLAGS MACHINE..
check() {
    target=$1 map=$2 flags=$3
    shift 3
    library "$target"
    # shellcheck disable=SC2086  # a list of words
    link "$library/changed.elf" "$map" "$out/changed" $flags
    if told=$(emulate "$1" 2>&1) || [ "$told" != "digits: a score differs from the host's" ]; then
        echo "$target: a changed score was not told: $told" >&2
        exit 1
    fi
    # shellcheck disable=SC2086
    link "$library/digits.elf" "$map" "$out/vectors" $flags
    if [ -n "$(panics "$program")" ]; then
        echo "$program can panic:" >&2
        panics "$program" >&2
        exit 1
    fi
    arm-none-eabi-size -A "$program" | awk -v target="$target" -v vectors="$(cat "$out"/vectors/* | wc -c)" '
        { bytes[$1] = $2 }
        END { printf "%s: flash %d bytes (.text %d, .rodata %d without the test vectors, .data %d)\n", target,
              bytes[".text"] + bytes[".rodata"] - vectors + bytes[".data"], bytes[".text"], bytes[".rodata"] - vectors, bytes[".data"] }'
    for machine in "$@"; do
        echo "== C on $machine, $target"
        emulate "$machine"
    done
}

# The example of the guide, against the exported header.
sed -n '/^```c$/,/^```$/p' docs/EMBEDDED.md | grep -v '^```' >"$out/guide.c"
arm-none-eabi-gcc -std=c99 -Wall -Wextra -Werror -pedantic -fsyntax-only -I include -I "$out/model" "$out/guide.c"
[ -s "$out/guide.c" ]

check thumbv7em-none-eabi mps2.x "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft" mps2-an386 mps2-an500
check thumbv7em-none-eabihf mps2.x "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" mps2-an386 mps2-an500
check thumbv6m-none-eabi microbit.x "-mcpu=cortex-m0 -mthumb -mfloat-abi=soft" microbit
