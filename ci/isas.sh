#!/bin/sh
# Runs tests with each instruction set of this CPU forced (BNN_ISA), but the best one, which all
# other tests use: those whose results go through the kernel in use; bnn-core's laws of kernels,
# which take every kernel by themselves, are not among them. The C programs are run on each by a test
# of their own.
# usage: ci/isas.sh [--whole [ISA [PART]]]        (--whole: the whole suite, training included, on each or on one;
#        PART: `units`, which lie beside the code, `command`, those of the command, or `tests`, all others
#        but programs in C and C++)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/isas.sh

wanted=${2:-}
part=${3:-}
# runs NAME TARGETS..: tests of the whole workspace, so that nothing is built again, if the part is wanted.
runs() {
    name=$1
    shift
    [ -n "$part" ] && [ "$part" != "$name" ] || cargo test --workspace --locked --quiet "$@"
}
best=$(isas 2>/dev/null | tail -n 1)
for isa in $(isas); do
    [ -z "$wanted" ] || [ "$isa" = "$wanted" ] || continue
    echo "BNN_ISA=$isa"
    export BNN_ISA="$isa"
    case ${1:-} in
        --whole)
            runs units --lib --bins --examples
            runs tests --test '[!c]*'
            runs command --test cli
            ;;
        *)
            [ "$isa" != "$best" ] || continue
            cargo test --workspace --locked --quiet --lib -- model:: pack planes transpose f32_product export laws \
                --skip kernel::laws --skip gemm::laws --skip conv::laws
            ;;
    esac
done
