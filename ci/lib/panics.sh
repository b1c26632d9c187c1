# shellcheck shell=sh
# Whether linked firmware can panic. To be sourced.

# panics FILE: the symbols by which a program or library for Arm could panic.
panics() { arm-none-eabi-nm --demangle "$1" | grep -E 'panicking|panic_fmt|panic_bounds|rust_begin_unwind|unwrap_failed' || true; }
