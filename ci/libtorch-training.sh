#!/bin/sh
# What takes long with LibTorch: a network that is trained with it and exported, and the programs
# that ours is measured against.
# usage: ci/libtorch-training.sh
set -eu
cd "$(dirname "$0")/.."

# One epoch reaches 85 %; a network that has learnt nothing has 10 %.
ci/libtorch-fashion-mnist.sh 1 80

echo "training steps beside LibTorch: that the programs still fit each other, not how fast they are"
benches/train_step.sh 1 2
echo "the forward pass beside LibTorch's: that it still runs"
benches/linear_forward.sh 3
