#!/bin/sh
# The tests of bnn_torch.hpp. LibTorch is installed only where BNN_REQUIRE promises it. Training
# with it and timing beside it take longer: ci/libtorch-training.sh.
# usage: ci/libtorch.sh
set -eu
cd "$(dirname "$0")/.."
. ci/lib/libtorch.sh

case ,${BNN_REQUIRE:-}, in
    *,libtorch,*) install g++ cmake make libtorch-dev libopenblas0-openmp dataset-fashion-mnist ;;
    *)
        if ! command -v cmake >/dev/null || ! ls /usr/lib/*/cmake/Torch >/dev/null 2>&1; then
            echo "skipped LibTorch: it is not there (apt-get install libtorch-dev cmake g++ libopenblas0-openmp)"
            exit 0
        fi
        ;;
esac
use_openblas

echo "bnn_torch.hpp"
install_bnn
cmake -S ffi-tests/torch -B target/torch-tests >/dev/null
quietly cmake --build target/torch-tests --parallel 2 --target torch_tests guide guide_graph
printed=$(target/torch-tests/torch_tests 2>&1) || {
    echo "$printed" >&2
    exit 1
}
echo "$printed" | tail -n 1

echo "the same where LibTorch has no fused multiply-add"
printed=$(ATEN_CPU_CAPABILITY=default target/torch-tests/torch_tests 2>&1) || {
    echo "$printed" >&2
    exit 1
}
echo "$printed" | tail -n 1

echo "the programs of docs/C_API.md"
target/torch-tests/guide
target/torch-tests/guide_graph
