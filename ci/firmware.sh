#!/bin/sh
# Builds the example firmware and runs it on emulated boards: Cortex-M0, M3, M4, M7, M55 and RISC-V.
# Each compares its answers with the host's, bit for bit, and prints what a run costs. Time is
# counted by instructions, so the figures repeat.
# usage: ci/firmware.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/host.sh
. ci/lib/cross.sh
. ci/lib/firmware.sh
. ci/lib/panics.sh
. ci/lib/stack.sh

# The answers that the firmware holds are those that this host gives (with the toolchain of the
# other crates).
vectors=$(mktemp -d)
trap 'rm -rf "$vectors"' EXIT
for model in digits digits-int digits-bits cnn residual resnet; do
    bnn test-vectors "firmware/models/$model.bnn" --data digits --out "$vectors/$model" >/dev/null
    cmp "$vectors/$model.inputs" firmware/models/digits.inputs
    cmp "$vectors/$model.outputs" "firmware/models/$model.outputs"
    # What the command predicts of the runs below.
    case $model in
        residual | resnet) ;;
        *) bnn info "firmware/models/$model.bnn" --mcu --json >"$vectors/$model.json" ;;
    esac
done

# What programs are built with that lies in no repository: of the clothes, of images in colour, and
# of the watch's motions.
export BNN_VECTORS="$PWD/target/vectors"
mkdir -p "$BNN_VECTORS"
install dataset-fashion-mnist python3-pip unzip
bnn test-vectors firmware/models/fashion.bnn --data /usr/share/datasets/fashion-mnist \
    --out "$BNN_VECTORS/fashion" --force >/dev/null
if [ ! -e "$BNN_VECTORS/BasicMotions_TEST.ts" ]; then
    quietly python3 -m pip download --no-deps --dest "$vectors" aeon==1.6.0
    unzip -q -o -j "$vectors/aeon-1.6.0-py3-none-any.whl" 'aeon/datasets/data/BasicMotions/*.ts' -d "$BNN_VECTORS"
fi
target/debug/examples/resnet32 "$BNN_VECTORS/resnet32.bnn"
target/debug/examples/learn vectors firmware/models/nine.bnn "$BNN_VECTORS/learn"
target/debug/words vectors firmware/models/words.bnn "$BNN_VECTORS/words"
bnn test-vectors "$BNN_VECTORS/resnet32.bnn" --count 10 --out "$BNN_VECTORS/resnet32" --force >/dev/null
target/debug/examples/motions "$BNN_VECTORS/BasicMotions_TRAIN.ts" \
    "$BNN_VECTORS/BasicMotions_TEST.ts" "$BNN_VECTORS/motions" | tail -n 2

use_cross binutils-arm-none-eabi binutils-riscv64-unknown-elf qemu-system-arm qemu-system-misc

# emulate PROGRAM TARGET FEATURES EMULATOR MACHINE..: runs it. Two minutes are a hundred times what
# it takes.
emulate() {
    program=$1 target=$2 elf=$(linked "$1" "$2" "$3") emulator=$4 machine=$5
    shift 5
    echo "== $program on $machine, $target"
    timeout 120 "$emulator" -M "$machine" "$@" -icount shift=6,sleep=off -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$elf" >"$vectors/told" 2>&1 || {
        cat "$vectors/told"
        exit 1
    }
    cat "$vectors/told"
}

# On the boards that all programs run on: Cortex-M4, M0 and RISC-V.
m4=thumbv7em-none-eabi m0=thumbv6m-none-eabi risc_v=riscv32imc-unknown-none-elf
on_m4() { emulate "$1" $m4 "${2:-}" qemu-system-arm mps2-an386; }
on_m7() { emulate "$1" $m4 "${2:-}" qemu-system-arm mps2-an500; }
on_m0() { emulate "$1" $m0 "${2:-}" qemu-system-arm microbit; }
on_risc_v() { emulate "$1" $risc_v "${2:-}" qemu-system-riscv32 virt -bios none; }
everywhere() {
    on_m4 "$@"
    on_m0 "$@"
    on_risc_v "$@"
}

# predicted KEY: what `bnn info --mcu` says of the model of $program on $target.
predicted() {
    grep -o "{[^{}]*\"target\":\"$target\"}" "$vectors/$(echo "$program" | tr _ -).json" | grep -o "\"$1\":[0-9]*" | cut -d: -f2
}

# check_costs: whether what the last run took is what was predicted, instructions to a tenth and
# stack at most, and whether its stack has a bound (of Thumb code) that it kept.
check_costs() {
    case $program in linear | products) return 0 ;; esac
    # shellcheck disable=SC2046  # two words
    set -- $(sed -n 's/^run: at most \([0-9]*\) instructions and \([0-9]*\) bytes of stack$/\1 \2/p' "$vectors/told")
    instructions=$(predicted run_instructions) stack=$(predicted stack_bytes)
    echo "predicted: $instructions instructions, at most $stack bytes of stack"
    off=$((instructions > $1 ? instructions - $1 : $1 - instructions))
    if [ $((off * 10)) -gt "$1" ] || [ "$2" -gt "$stack" ]; then
        echo "crates/bnn-cli/src/mcu/cores.rs predicts otherwise; the program costs measures what is to be there" >&2
        exit 1
    fi
    case $target in thumb*) check_stack "$2" ;; esac
}

# check_stack SEEN: whether the bound for the stack of a run is no less than the bytes that were
# seen. What the program paints begins below the frame that calls `count`, and ends where the run
# went deepest.
check_stack() {
    # Models with convolutions make real scores through a pointer (`Reals`).
    case $program in cnn) set -- "$1" '* -> call_once' ;; esac
    seen=$1
    shift
    stack_bound "$elf" "Counter>::count" "$@" >"$vectors/bound"
    head -n 1 "$vectors/bound"
    most=$(sed -n 's/^stack: at most \([0-9]*\) bytes$/\1/p' "$vectors/bound")
    [ "$seen" -le "$most" ] && return
    echo "$seen bytes were seen, beyond the bound of $most:" >&2
    cat "$vectors/bound" >&2
    exit 1
}

# floats: what $elf has in it to compute with floats: routines of the compiler's, instructions of an
# FPU.
floats() {
    "$(tools_of "$target")-nm" "$elf" | grep -E ' __(aeabi_([fd]|u?[il]2[fd])|(add|sub|mul|div|float|fix)[a-z]*[sd]f)' || true
    case $target in thumb*) arm-none-eabi-objdump -d "$elf" | grep -E "$(printf '\t')v[a-z]" || true ;; esac
}

# check_floats: programs with integer scores must have none of them, and digits, whose scores are
# real, shows that they would be found.
check_floats() {
    case $program in
        digits) [ -n "$(floats)" ] || { echo "the search for floats does not find those of $program" >&2; exit 1; } ;;
        digits_int | digits_bits | residual | resnet | resnet32 | learn | words) [ -z "$(floats)" ] || { echo "$program computes with floats:" >&2; floats >&2; exit 1; } ;;
    esac
}

dense="digits digits_int digits_bits linear products costs"
# shellcheck disable=SC2086  # lists of words
for target in $m4 $m0 $risc_v; do
    build_firmware boards $target "" $dense $([ $target != $m4 ] || echo int8)
    build_firmware boards $target conv cnn motions
    build_firmware boards $target graph residual resnet rows
    build_firmware boards $target learn learn
    build_firmware boards $target words words
done
for name in digits digits_int digits_bits linear products; do
    for on in on_m4 on_m0 on_risc_v; do
        $on $name
        check_floats
        check_costs
    done
    on_m7 $name
done

# The same bits with an FPU, and on the other cores. Of the Cortex-M23 there is no board in qemu:
# its program runs on the M55, which has all its instructions.
fpu=thumbv7em-none-eabihf
build_firmware boards $fpu "" digits digits_int
for name in digits digits_int; do
    emulate $name $fpu "" qemu-system-arm mps2-an386
    check_floats
    emulate $name $fpu "" qemu-system-arm mps2-an500
done
build_firmware boards thumbv7m-none-eabi "" digits
emulate digits thumbv7m-none-eabi "" qemu-system-arm mps2-an385
for target in thumbv8m.base-none-eabi thumbv8m.main-none-eabi thumbv8m.main-none-eabihf; do
    build_firmware boards $target "" digits
    emulate digits $target "" qemu-system-arm mps3-an547
done
build_firmware boards riscv32imac-unknown-none-elf "" digits
emulate digits riscv32imac-unknown-none-elf "" qemu-system-riscv32 virt -bios none

# A network of convolutions.
for on in on_m4 on_m0 on_risc_v; do
    $on cnn conv
    check_costs
done
on_m7 cnn conv

# Graphs: numbers of 16 bits run past binary convolutions.
for name in residual resnet; do
    for on in on_m4 on_m0 on_risc_v; do
        $on $name graph
        check_floats
    done
done
everywhere rows graph
build_firmware boards $m4 graph,int8 rows
on_m4 rows graph,int8
# The instructions of an FPU are not used where there is one.
build_firmware boards $fpu graph resnet
emulate resnet $fpu graph qemu-system-arm mps2-an386
check_floats

# Against the instructions that only these cores have.
on_m4 int8
on_m7 int8

# On a part with 32 KB of flash and 4 KB of RAM, which the linker is told.
build_firmware boards $m0 conv,small fashion
on_m0 fashion conv,small
build_firmware boards $m4 conv,small fashion
on_m4 fashion conv,small
arm-none-eabi-size "$elf"
echo "100 images: every score is the host's, bit for bit"

# The same sizes as for CIFAR-10, on a part with 256 KB of flash and 64 KB of RAM.
build_firmware boards $m4 graph,medium resnet32
on_m4 resnet32 graph,medium
check_floats
arm-none-eabi-size "$elf"

# A sensor's samples, one by one.
everywhere motions conv

# Words, from samples to scores, on a part with 64 KB of flash and 16 KB of RAM.
for on in on_m4 on_m7 on_m0 on_risc_v; do
    $on words words
    check_floats
    [ -z "$(panics "$elf")" ] || { echo "it can panic:" >&2; panics "$elf" >&2; exit 1; }
    "$(tools_of "$target")-size" -A "$elf" | grep -E '^\.(text|rodata) '
done

# A digit that the model does not know, learned on the board as on the host.
for on in on_m4 on_m0 on_risc_v; do
    $on learn learn
    check_floats
done

# The constants behind the predictions.
everywhere costs

# What measures any model.
BNN=target/debug/bnn examples/tiny/measure.sh firmware/models/resnet.bnn digits m0 rv32imc
target/debug/examples/resnet32 "$vectors/mixed.bnn" mixed
BNN=target/debug/bnn examples/tiny/measure.sh "$vectors/mixed.bnn" - m4

# The template, as a user copies and runs it.
link_for_bare_metal $m4
told=$(cd firmware/template && cargo run --quiet --locked --release --target-dir ../../target/template)
echo "the template on mps2-an386: $told"
[ "$told" = "class 0" ] || { echo "expected \`class 0\`" >&2; exit 1; }
