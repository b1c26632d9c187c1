#!/bin/sh
# Runs bnn-core's tests for 64-bit Arm, emulated as a CPU that has NEON but none of the later
# extensions (dot products, SVE): all that the kernels use.
# usage: ci/aarch64.sh [portable]        (portable: with BNN_ISA=portable, of the long tier)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

target=aarch64-unknown-linux-gnu
use_cross gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
use_target $target std,test
set_for_target $target LINKER aarch64-linux-gnu-gcc
set_for_target $target RUNNER qemu-aarch64-static
export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu

# The property tests keep all their cases: a run takes seconds.
export QEMU_CPU=cortex-a53
case ${1:-} in
    "")
        echo "aarch64"
        test_core $target --tests
        echo "aarch64, documentation"
        test_core $target --doc
        ;;
    portable)
        echo "aarch64, BNN_ISA=portable"
        # Laws that take every kernel have taken this one.
        BNN_ISA=portable test_core $target --tests -- --skip kernel::laws --skip gemm::laws --skip conv::laws
        ;;
    *) echo "usage: ci/aarch64.sh [portable]" >&2; exit 2 ;;
esac
