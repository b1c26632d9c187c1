#!/bin/sh
# What a model of images costs on microcontrollers: it goes into a program that runs it from flash,
# row by row, on emulated cores, which compares every score with this host's, bit for bit. Time is
# counted by instructions, so the figures repeat. Builds and installs what it needs.
# usage: examples/tiny/measure.sh MODEL [DATA [CORE..]]
#        DATA: as `bnn eval` takes it, `-` for random images; CORE: m0, m4, m7, rv32imc, by default all
#        BNN: the command `bnn`, by default one that is built here
set -eu
[ $# -gt 0 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
model=$(realpath "$1")
data=${2:--}
case $data in
    -) ;;
    */*) data=$(realpath "$data") ;;
esac
[ $# -lt 2 ] || shift
shift
cd "$(dirname "$0")/../.."
. ci/lib/cross.sh
. ci/lib/firmware.sh

[ -n "${BNN:-}" ] || { cargo build --quiet --locked --release -p bnn-cli && BNN=target/release/bnn; }
# Named here, so that the program finds them, and built anew, as they are others than before.
export BNN_VECTORS="$PWD/target/vectors/tiny"
mkdir -p "$BNN_VECTORS"
cp "$model" "$BNN_VECTORS/tiny.bnn"
if [ "$data" = - ]; then
    "$BNN" test-vectors "$BNN_VECTORS/tiny.bnn" --count 10 --force >/dev/null
else
    "$BNN" test-vectors "$BNN_VECTORS/tiny.bnn" --count 10 --force --data "$data" >/dev/null
fi
# Of what a chain of layers does not use, nothing is linked.
features=conv,large
"$BNN" info "$model" --json >"$BNN_VECTORS/tiny.json"
grep -q '"nodes":\[{' "$BNN_VECTORS/tiny.json" && features=graph,large
# More weights of 8 bits than those of stem and head.
[ "$(grep -o '"weight_bits":8' "$BNN_VECTORS/tiny.json" | wc -l)" -le 2 ] || features=graph,int8,large

use_cross binutils-arm-none-eabi binutils-riscv64-unknown-elf qemu-system-arm qemu-system-misc
told=$(mktemp)
trap 'rm -f "$told"' EXIT
number() { sed -n "s/^$1\([0-9]*\).*/\1/p" "$told"; }
echo "$(basename "$model"): $(stat -c %s "$model") bytes"
echo "| core | instructions of an image | flash, bytes | RAM, bytes |"
echo "| --- | --- | --- | --- |"
for core in "${@:-m0 m4 m7 rv32imc}"; do for core in $core; do
    # A Cortex-M3 has all instructions of an M0, and more memory than qemu's M0.
    case $core in
        m0) name="Cortex-M0" target=thumbv6m-none-eabi emulator="qemu-system-arm -M mps2-an385" ;;
        m4) name="Cortex-M4" target=thumbv7em-none-eabi emulator="qemu-system-arm -M mps2-an386" ;;
        m7) name="Cortex-M7" target=thumbv7em-none-eabi emulator="qemu-system-arm -M mps2-an500" ;;
        rv32imc) name="RV32IMC" target=riscv32imc-unknown-none-elf emulator="qemu-system-riscv32 -M virt -bios none" ;;
        *) echo "unknown core $core: expected m0, m4, m7 or rv32imc" >&2; exit 2 ;;
    esac
    build_firmware boards "$target" "$features" tiny
    elf=$(linked tiny "$target" "$features")
    $emulator -icount shift=6,sleep=off -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$elf" >"$told" || { cat "$told" >&2; exit 1; }
    # What lies in flash: code, constants and the first values of variables.
    "$(tools_of "$target")-size" -A "$elf" >"$told.sizes"
    flash=$(awk '$1 ~ /^\.(vector_table|text|rodata|data|init|init_array|eh_frame|gcc_except_table)/ { bytes += $2 } END { print bytes + 0 }' "$told.sizes")
    variables=$(awk '$1 ~ /^\.(data|bss|uninit)/ { bytes += $2 } END { print bytes + 0 }' "$told.sizes")
    rm "$told.sizes"
    echo "| $name | $(number "an image: at most ") | $flash | $(($(number "memory of the stream: ") + $(number "stack: ") + variables)) |"
done; done
tail -n 1 "$told"
