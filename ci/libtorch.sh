#!/bin/sh
# Builds the programs that training steps are measured against in LibTorch, and takes a few steps with them and with
# ours: that they still fit each other, not how fast they are. LibTorch is installed only where BNN_REQUIRE promises it.
set -eu
cd "$(dirname "$0")/.."
. ci/lib/packages.sh

case ,${BNN_REQUIRE:-}, in
    *,libtorch,*) install g++ cmake libtorch-dev libopenblas0-openmp ;;
    *)
        if ! command -v cmake >/dev/null || ! ls /usr/lib/*/cmake/Torch >/dev/null 2>&1; then
            echo "skipped LibTorch: it is not there (apt-get install libtorch-dev cmake g++ libopenblas0-openmp)"
            exit 0
        fi
        ;;
esac
benches/train_step.sh 1 2
