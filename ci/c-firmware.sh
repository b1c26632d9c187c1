#!/bin/sh
# Builds a C program around an exported model and libbnn.a, with arm-none-eabi-gcc, and runs it on
# emulated Cortex-M boards: every score must be the host's, bit for bit, and nothing that can panic
# may be linked. Prints its flash and stack.
# usage: ci/c-firmware.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/host.sh
. ci/lib/cross.sh
. ci/lib/panics.sh
. ci/lib/stack.sh

out=target/c-firmware

# Two models as C source, both called `digits`, and inputs with their outputs: all from this host.
for model in digits digits-int; do
    mkdir -p "$out/$model"
    bnn export "firmware/models/$model.bnn" --to c --name digits --out "$out/$model" --force >/dev/null
    bnn test-vectors "firmware/models/$model.bnn" --data digits --out "$out/$model/digits" --force >/dev/null
done

# The same with one byte of the outputs changed: a program that passes with them compares nothing.
mkdir -p "$out/changed"
cp "$out"/digits/digits.* "$out/changed/"
{
    head -c 3999 "$out/digits/digits.outputs"
    tail -c 1 "$out/digits/digits.outputs" | tr '\000-\377' '\001-\377\000'
} >"$out/changed/digits.outputs"

use_cross binutils-arm-none-eabi gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm

# library TARGET: builds libbnn.a, small; leaves its folder in $library.
library() {
    use_target "$1" core
    CARGO_PROFILE_RELEASE_OPT_LEVEL=s CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
        CARGO_PROFILE_RELEASE_PANIC=abort cargo rustc --quiet --locked --release -p bnn-capi --lib --no-default-features \
        --crate-type staticlib --target "$1" --target-dir "$out"
    library=$out/$1/release
    [ -n "$(panics "$library/libbnn.a" 2>/dev/null)" ] || { echo "the search for panics does not find the library's own" >&2; exit 1; }
}

# link PROGRAM MAP MODEL FLAG..: links $program, with what lies in the folder MODEL, for a board
# with the memory MAP.
link() {
    program=$1 map=$2 model=$out/$3
    shift 3
    arm-none-eabi-gcc "$@" -std=c99 -Wall -Wextra -Werror -pedantic -Os -ffunction-sections -fdata-sections \
        -I include -I "$model" -Wa,-I,"$model" \
        ffi-tests/firmware/digits.c ffi-tests/firmware/board.c ffi-tests/firmware/vectors.S "$model/digits.c" "$library/libbnn.a" \
        -nostartfiles -Wl,--gc-sections,-z,noexecstack -T "firmware/boards/memory/$map" -T ffi-tests/firmware/sections.ld \
        -o "$program"
}

# emulate MACHINE: runs $program.
emulate() {
    timeout 120 qemu-system-arm -M "$1" -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$program"
}

# measure: fails where $program can panic or has no bound for its stack; prints its flash and that
# bound.
measure() {
    if [ -n "$(panics "$program")" ]; then
        echo "$program can panic:" >&2
        panics "$program" >&2
        exit 1
    fi
    arm-none-eabi-size -A "$program" | awk -v name="$program" -v vectors="$(cat "$model"/*puts | wc -c)" '
        { bytes[$1] = $2 }
        END {
            constants = bytes[".rodata"] - vectors
            printf "%s: flash %d bytes (.text %d, .rodata %d without the test vectors, .data %d)\n", name,
                bytes[".text"] + constants + bytes[".data"], bytes[".text"], constants, bytes[".data"]
        }'
    for function in digits_open digits_run; do
        stack_bound "$program" "$function" '* -> call_once' >"$program.stack"
        echo "$function, $(head -n 1 "$program.stack")"
    done
}

# check TARGET MAP FLAGS MACHINE..
check() {
    target=$1 map=$2 flags=$3
    shift 3
    library "$target"
    # shellcheck disable=SC2086  # a list of words
    link "$library/changed.elf" "$map" changed $flags
    if told=$(emulate "$1" 2>&1) || [ "$told" != "digits: a score differs from the host's" ]; then
        echo "$target: a changed score was not told: $told" >&2
        exit 1
    fi
    for pair in digits:float digits-int:int32_t; do
        # shellcheck disable=SC2086
        link "$library/${pair%:*}.elf" "$map" "${pair%:*}" -DSCORE="${pair#*:}" $flags
        measure
        for machine in "$@"; do
            echo "== C on $machine, $target"
            emulate "$machine"
        done
    done
}

# The example of the guide, against the exported header.
sed -n '/^```c$/,/^```$/p' docs/EMBEDDED.md | grep -v '^```' >"$out/guide.c"
arm-none-eabi-gcc -std=c99 -Wall -Wextra -Werror -pedantic -fsyntax-only -I include -I "$out/digits" "$out/guide.c"
[ -s "$out/guide.c" ]

check thumbv7em-none-eabi mps2.x "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft" mps2-an386 mps2-an500
check thumbv7em-none-eabihf mps2.x "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16" mps2-an386 mps2-an500
check thumbv6m-none-eabi microbit.x "-mcpu=cortex-m0 -mthumb -mfloat-abi=soft" microbit
