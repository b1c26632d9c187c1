#!/bin/sh
# Everything that needs LibTorch: the tests of bnn_torch.hpp, a network that is trained with it and exported, and the
# programs that ours is measured against. LibTorch is installed only where BNN_REQUIRE promises it.
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
quietly cmake --build target/torch-tests --parallel 2
printed=$(target/torch-tests/torch_tests 2>&1) || {
    echo "$printed" >&2
    exit 1
}
echo "$printed" | tail -n 1

# One epoch reaches 85 %; a network that has learnt nothing has 10 %.
ci/libtorch-fashion-mnist.sh 1 80

echo "training steps beside LibTorch: that the programs still fit each other, not how fast they are"
benches/train_step.sh 1 2
echo "the forward pass beside LibTorch's, likewise"
benches/linear_forward.sh 3
