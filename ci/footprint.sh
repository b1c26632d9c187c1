#!/bin/sh
# Links what firmware needs of bnn-core to run a model, and nothing else. Fails where a panic is
# left in it, where it has grown past its budget, and where something calls itself or what nobody
# knows. Prints sizes, and the bounds for the stack. Debug assertions and overflow checks are off,
# as in any release build.
# usage: ci/footprint.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/host.sh
. ci/lib/cross.sh
. ci/lib/firmware.sh
. ci/lib/panics.sh
. ci/lib/stack.sh

use_cross binutils-arm-none-eabi

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

# check PROGRAM TARGET BUDGET FEATURES [RULE..]: BUDGET is for the library's code, in bytes. Each
# RULE says what a function calls through pointers.
check() {
    program=$1 target=$2 budget=$3 features=$4
    shift 4
    elf=$(linked "$program" "$target" "$features")
    code=$(bytes code)
    echo "$program, $target${features:+, $features}: library $code bytes of code and $(constants) of constants, compiler's runtime $(bytes runtime)"
    if [ -n "$(panics "$elf")" ]; then
        echo "it can panic:" >&2
        panics "$elf" >&2
        exit 1
    fi
    [ "$code" -le "$budget" ] || { echo "more than the budget of $budget bytes" >&2; exit 1; }
    stack_bound "$elf" entry "$@"
}

build_firmware footprint thumbv7em-none-eabi "" control run open features
elf=$(linked control thumbv7em-none-eabi "")
[ -n "$(panics "$elf")" ] || { echo "the search for panics does not find one where there is one" >&2; exit 1; }
build_firmware footprint thumbv7em-none-eabi conv run open
build_firmware footprint thumbv6m-none-eabi "" run open features
build_firmware footprint thumbv6m-none-eabi conv run open
build_firmware footprint thumbv7em-none-eabi learn learn
build_firmware footprint thumbv6m-none-eabi learn learn

# Real scores are made through a pointer (`Reals`).
reals='* -> call_once'
# Models that were checked when compiling.
check run thumbv7em-none-eabi 4096 ""
check run thumbv6m-none-eabi 4608 ""
check run thumbv7em-none-eabi 8832 conv "$reals"
check run thumbv6m-none-eabi 9536 conv "$reals"
# Models from elsewhere, which the firmware checks.
check open thumbv7em-none-eabi 6144 ""
check open thumbv6m-none-eabi 7168 ""
check open thumbv7em-none-eabi 11968 conv "$reals"
check open thumbv6m-none-eabi 13120 conv "$reals"
# A last layer that learns takes 3 KB at most beside the body that gives its features, the least
# driver for its flash included.
for target in thumbv7em-none-eabi thumbv6m-none-eabi; do
    check features $target 4096 ""
    body=$code
    check learn $target 6656 learn
    echo "learning, $target: $((code - body)) bytes of code"
    [ $((code - body)) -le 3072 ] || { echo "more than 3072 bytes" >&2; exit 1; }
done
