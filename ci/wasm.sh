#!/bin/sh
# Runs bnn-core's tests for WebAssembly in node, with vector instructions or without.
# usage: ci/wasm.sh [plain]        (plain: without, of the long tier)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

target=wasm32-wasip1
command -v node >/dev/null || install nodejs
use_cross
set_for_target $target RUNNER "node --no-warnings $PWD/ci/wasi-run.mjs"

libc=
if ! rustup_has $target; then
    # Debian's sources do not have the target's C library, and its Rust has no linker for it.
    install wasi-libc
    wasi=/usr/lib/wasm32-wasi
    libc="-L native=$wasi -C link-self-contained=no -C link-arg=$wasi/crt1-command.o -C link-arg=-lc"
    libc="$libc -C link-arg=--allow-undefined-file=$PWD/ci/wasi-missing.txt"
    linker=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/rust-lld
    [ -x "$linker" ] || { echo "no $linker: rustup's toolchain is needed" >&2; exit 1; }
    set_for_target $target LINKER "$linker"
fi
case ${1:-} in
    "") simd=+simd128 ;;
    plain) simd=-simd128 ;;
    *) echo "usage: ci/wasm.sh [plain]" >&2; exit 2 ;;
esac
use_target $target std,test "-C target-feature=$simd $libc"
echo "wasm32, $simd"
# `std` is there but gives no threads: the tests that start threads of their own cannot run. A panic
# ends the program, so its message is not kept back.
test_core $target --tests -- --no-capture --skip any_number_of_threads_gives_the_same_result \
    --skip threads_share
