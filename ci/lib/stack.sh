# shellcheck shell=sh
# A bound for the stack of linked firmware. To be sourced, before Debian's Rust is in use.

cargo build --quiet --locked -p xtask

# stack_bound ELF FUNCTION: prints how much calls of FUNCTION in a program for Cortex-M take at most, and the path.
# A layer is read with or without its tail bits being checked; sums go to what makes bits or scores of them.
stack_bound() {
    arm-none-eabi-objdump -d --demangle --no-show-raw-insn "$1" >"$1.listing"
    target/debug/xtask stack "$1.listing" "$2" \
        'Model::layer -> BitMatrixView::new, FnOnce::call_once' \
        'in_place::multiply -> part_in_place::{{closure}}'
}
