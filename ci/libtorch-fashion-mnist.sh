#!/bin/sh
# Trains a binary network on Fashion-MNIST in LibTorch, exports it and runs the file:
# ffi-tests/torch/fashion_mnist.cpp. Leaves target/fashion_mnist.bnn.
#
#   ci/libtorch-fashion-mnist.sh [EPOCHS [LEAST_ACCURACY]]        (default: 12 epochs, 88.5 %)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/libtorch.sh

data=/usr/share/datasets/fashion-mnist
if [ ! -d "$data" ]; then
    case ,${BNN_REQUIRE:-}, in *,fashion-mnist,*) echo "no $data" >&2; exit 1 ;; esac
    echo "skipped Fashion-MNIST: $data is not there (apt-get install dataset-fashion-mnist)"
    exit 0
fi
install_bnn
cmake -S ffi-tests/torch -B target/torch-tests >/dev/null
cmake --build target/torch-tests --target fashion_mnist >/dev/null
use_openblas
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
for file in "$data"/*.gz; do
    gzip -dc "$file" >"$unpacked/$(basename "$file" .gz)"
done
target/torch-tests/fashion_mnist "$unpacked" "${1:-12}" "${2:-88.5}" target/fashion_mnist.bnn
