#!/usr/bin/env bash
# Times model files and products of bits beside other libraries, taking turns on one core, and
# prints tables in Markdown.
#
#   benches/peers/run.sh [OPTIONS]      (benches/peers/run.sh --help lists them)
#
# The others come from the Python package index, newest versions, into a virtual environment in
# target/peers: ONNX Runtime for networks, bnn-lab for products. BNN_ISA chooses our kernels.
# CPU names the core (1 by default).
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=target/peers
if ! [ -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check numpy onnx onnxruntime
    # Its kernels need no PyTorch, which is what it depends on.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps bnn-lab
fi
cargo build --release --quiet --locked -p bnn-capi

# Its kernels of the same instruction set as ours.
case ${BNN_ISA:-} in
portable | popcnt) export BNN_KERNEL=scalar ;;
avx2) export BNN_KERNEL=avx2 ;;
esac
OMP_NUM_THREADS=1 exec taskset -c "${CPU:-1}" "$venv/bin/python" benches/peers/contest.py "$@"
