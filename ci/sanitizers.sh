#!/bin/sh
# Runs the tests of bnn-core, every kernel that the CPU has among them, and those inside bnn-capi under the address
# sanitizer. Needs a nightly toolchain of rustup's.
set -eu
cd "$(dirname "$0")/.."
. ci/lib/nightly.sh

nightly_or_skip "the address sanitizer"
RUSTFLAGS=-Zsanitizer=address cargo +nightly test --quiet --locked -p bnn-core -p bnn-capi --lib \
    --target x86_64-unknown-linux-gnu --target-dir target/sanitizers
