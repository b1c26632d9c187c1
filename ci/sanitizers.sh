#!/bin/sh
# Runs bnn-core's tests, every kernel that the CPU has among them, under the address sanitizer. Needs a nightly
# toolchain of rustup's.
set -eu
cd "$(dirname "$0")/.."
. ci/lib/nightly.sh

nightly_or_skip "the address sanitizer"
RUSTFLAGS=-Zsanitizer=address cargo +nightly test --quiet --locked -p bnn-core --lib \
    --target x86_64-unknown-linux-gnu --target-dir target/sanitizers
