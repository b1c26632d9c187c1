#!/bin/sh
# Runs tests with each instruction set of this CPU forced (BNN_ISA): those whose results go through
# the kernel in use; bnn-core's laws of kernels, which take every kernel by themselves, are not
# among them. The C programs are run on each by a test of their own.
# usage: ci/isas.sh [--whole [ISA]]        (--whole: the whole suite, training tests included, on each or on one)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/isas.sh

wanted=${2:-}
for isa in $(isas); do
    [ -z "$wanted" ] || [ "$isa" = "$wanted" ] || continue
    echo "BNN_ISA=$isa"
    export BNN_ISA="$isa"
    case ${1:-} in
        --whole) cargo test --workspace --locked --quiet ;;
        # Selected with the whole workspace, so that nothing is built again.
        *) cargo test --workspace --locked --quiet --lib -- model:: pack planes transpose f32_product export laws \
            --skip kernel::laws --skip gemm::laws --skip conv::laws ;;
    esac
done
