#!/bin/sh
# Runs bnn-core's tests for 32-bit Arm, emulated: `usize` has half the bits of a packed word there.
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

target=armv7-unknown-linux-gnueabihf
use_cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user-static
use_target $target std,test
set_for_target $target LINKER arm-linux-gnueabihf-gcc
set_for_target $target RUNNER qemu-arm-static
export QEMU_LD_PREFIX=/usr/arm-linux-gnueabihf

# The property tests keep all their cases: a run takes seconds.
echo "armv7"
test_core $target --tests
