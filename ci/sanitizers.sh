#!/bin/sh
# Runs the tests of bnn-core, every kernel that the CPU has among them, and those inside bnn-capi
# under the address sanitizer, and then the C programs of ffi-tests/c and 100 000 hostile calls
# (ffi-tests/hostile) with a library that is built with it. The compiler is the stable one, told to
# take the flag; the C programs need clang and its sanitizers (libclang-rt-*-dev). BNN_HOSTILE_CALLS
# and BNN_HOSTILE_SEED choose other calls.
set -eu
cd "$(dirname "$0")/.."

export RUSTC_BOOTSTRAP=1
target=x86_64-unknown-linux-gnu
out=target/sanitizers
# Not leaks: threads of a pool that end with the process look like some. Valgrind looks for those in
# the C programs.
# A request for more memory than there is must be refused, not end the process.
export ASAN_OPTIONS=allocator_may_return_null=1
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 RUSTFLAGS=-Zsanitizer=address cargo test --quiet --locked -p bnn-core -p bnn-capi --lib \
    --target $target --target-dir $out

# The runtime comes with clang; the library brings none of its own.
runtime=$(clang -print-runtime-dir 2>/dev/null)/libclang_rt.asan-x86_64.a
if [ ! -e "$runtime" ]; then
    case ,${BNN_REQUIRE:-}, in
        *,clang,*) echo "the C programs need clang's sanitizers, which BNN_REQUIRE promises with clang" >&2; exit 1 ;;
    esac
    echo "skipped the C programs under the address sanitizer: $runtime is not there (libclang-rt-*-dev)"
    exit 0
fi
RUSTFLAGS=-Zsanitizer=address cargo rustc --quiet --locked -p bnn-capi --lib --crate-type staticlib \
    --target $target --target-dir $out
clang -fsanitize=address,undefined -fno-sanitize-recover=all -std=c99 -Wall -Wextra -Werror -pedantic -g -O1 -Iinclude \
    ffi-tests/c/*.c $out/$target/debug/libbnn.a -lpthread -ldl -lm -o $out/ffi-tests
$out/ffi-tests
# The test reads from the header what each function promises, and compiles and runs the calls.
env -u RUSTC_BOOTSTRAP BNN_HOSTILE_LIBRARY="$PWD/$out/$target/debug/libbnn.a" BNN_HOSTILE_CALLS="${BNN_HOSTILE_CALLS:-100000}" \
    BNN_HOSTILE_CC="clang -fsanitize=address,undefined -fno-sanitize-recover=all" \
    cargo test --quiet --locked -p bnn-capi --test hostile
