# shellcheck shell=sh
# A bound for the stack of linked firmware. To be sourced, after ci/lib/host.sh.

# stack_bound ELF FUNCTION [RULE..]: prints how much calls of FUNCTION in a program for Cortex-M
# take at most, and the path. Each RULE says what a function calls through pointers.
stack_bound() {
    elf=$1 function=$2
    shift 2
    arm-none-eabi-objdump -d --demangle --no-show-raw-insn "$elf" >"$elf.listing"
    xtask stack "$elf.listing" "$function" "$@"
}
