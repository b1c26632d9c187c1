#!/bin/sh
# Runs tests with each instruction set of this CPU forced (BNN_ISA): those whose results go through the kernel in use;
# bnn-core's laws of kernels, which take every kernel by themselves, are not among them. The C programs are run on each by
# a test of their own.
# usage: ci/isas.sh [--whole]        (--whole: the whole suite, training tests included)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/isas.sh

for isa in $(isas); do
    echo "BNN_ISA=$isa"
    export BNN_ISA="$isa"
    case ${1:-} in
        --whole) cargo test --workspace --locked --quiet ;;
        # Selected with the whole workspace, so that nothing is built again.
        *) cargo test --workspace --locked --quiet --lib -- model:: pack planes transpose f32_product export laws ;;
    esac
done
