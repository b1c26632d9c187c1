#!/bin/sh
# Links what firmware needs of bnn-core to run a model, and nothing else; fails where a panic is left in it, or where it
# has grown past its budget; prints its size. Debug assertions and overflow checks are off, as in any release build.
# usage: ci/footprint.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh
. ci/lib/panics.sh

use_debian_rust binutils-arm-none-eabi

# link TARGET PROGRAM [FEATURES]: leaves it in $elf.
link() {
    use_sysroot "$1" core
    elf=target/firmware/$1/release/$2
    cargo rustc --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
        --target "$1" -p footprint --bin "$2" --features "${3:-}" -- \
        -C linker=arm-none-eabi-ld -C link-arg=-eentry -C link-arg=--gc-sections
}

# constants: bytes of the read-only data of $elf.
constants() { arm-none-eabi-size -A "$elf" | awk '/^\.rodata/ { sum += $2 } END { print sum + 0 }'; }

# bytes KIND: how many bytes of $elf are `code` of the library's, or the compiler's `runtime`.
bytes() { arm-none-eabi-nm --print-size --demangle "$elf" | awk -v kind="$1" '
    function hex(s,  i, n) { for (i = 1; i <= length(s); i++) n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1; return n }
    NF >= 4 {
        # What the compiler brings along: copies, divisions, floats on cores without them.
        runtime = $3 == "W" || $0 ~ /compiler_builtins|__aeabi_/
        what = $3 ~ /[rR]/ ? "constants" : runtime ? "runtime" : "code"
        if (what == kind) sum += hex($2)
    }
    END { print sum + 0 }'; }

link thumbv7em-none-eabi control
[ -n "$(panics "$elf")" ] || { echo "the search for panics does not find one where there is one" >&2; exit 1; }

# check PROGRAM TARGET LAYERS BUDGET [FEATURES]: BUDGET is for the library's code, in bytes.
check() {
    program=$1
    shift
    link "$1" "$program" "${4:-}"
    code=$(bytes code)
    echo "$program, $1, $2: library $code bytes of code and $(constants) of constants, compiler's runtime $(bytes runtime)"
    if [ -n "$(panics "$elf")" ]; then
        echo "it can panic:" >&2
        panics "$elf" >&2
        exit 1
    fi
    [ "$code" -le "$3" ] || { echo "more than the budget of $3 bytes" >&2; exit 1; }
}

# Models that were checked when compiling.
check run thumbv7em-none-eabi "dense layers" 4096
check run thumbv6m-none-eabi "dense layers" 4608
check run thumbv7em-none-eabi "convolutions too" 8192 conv
check run thumbv6m-none-eabi "convolutions too" 9216 conv
# Models from elsewhere, which the firmware checks.
check open thumbv7em-none-eabi "dense layers" 6144
check open thumbv6m-none-eabi "dense layers" 7168
check open thumbv7em-none-eabi "convolutions too" 11520 conv
check open thumbv6m-none-eabi "convolutions too" 12544 conv
