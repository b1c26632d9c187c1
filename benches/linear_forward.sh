#!/bin/sh
# Times the forward pass of `bnn::torch::BinaryLinear` beside `torch::linear` in f32, each on one
# thread.
#
#   benches/linear_forward.sh [ROUNDS [M N K]]
#
# Needs Debian's libtorch-dev, cmake, g++ and libopenblas0-openmp.
set -eu
cd "$(dirname "$0")/.."
. ci/lib/libtorch.sh

install_bnn
cmake -S benches/libtorch -B target/libtorch >/dev/null
cmake --build target/libtorch --target linear_forward >/dev/null
use_openblas
target/libtorch/linear_forward "$@"
