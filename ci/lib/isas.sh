# shellcheck shell=sh
# Which of the instruction sets of x86-64 this CPU has. To be sourced.

# isas: their names, as BNN_ISA takes them.
isas() {
    echo portable
    for pair in popcnt:popcnt avx2:avx2 avx512:avx512_vpopcntdq amx:amx_int8; do
        if grep -qw "${pair#*:}" /proc/cpuinfo; then
            echo "${pair%:*}"
        else
            echo "skipped ${pair%:*}: this CPU does not have it" >&2
        fi
    done
}
