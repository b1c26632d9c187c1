# shellcheck shell=sh
# A bound for the stack of linked firmware. To be sourced, before Debian's Rust is in use.

cargo build --quiet --locked -p xtask

# stack_bound ELF FUNCTION: prints how much calls of FUNCTION in a program for Cortex-M take at most, and the path.
# Sums go to what makes bits or scores of them.
stack_bound() {
    arm-none-eabi-objdump -d --demangle --no-show-raw-insn "$1" >"$1.listing"
    target/debug/xtask stack "$1.listing" "$2" \
        'Resolved::outputs -> run_dense::{{closure}}' \
        'Finish::put -> call_once'
}
