#!/usr/bin/env bash
# Times model files, products of bits and training steps beside other libraries, taking turns on one
# core, and prints tables in Markdown.
#
#   benches/peers/run.sh [OPTIONS]      (those of contest.py: benches/peers/run.sh --help)
#   benches/peers/run.sh steps [OPTIONS]    only training steps (those of torch_step.py)
#
# The others come from the Python package index, newest versions, into virtual environments in
# target/: ONNX Runtime for networks, bnn-lab for products, PyTorch for training steps (1.4 GB,
# without the libraries for GPUs, of which empty ones are built). BNN_ISA chooses our kernels. CPU
# names the core (1 by default). Training steps run on one core and then on two, CPU and PAIR.
set -euo pipefail
cd "$(dirname "$0")/../.."
. ci/lib/pytorch.sh

core=${CPU:-1} pair=${PAIR:-0,1}
pip_install() { "$1/bin/pip" install --quiet --disable-pip-version-check "${@:2}"; }

models_and_products() {
    local venv=target/peers
    if ! [ -e "$venv/complete" ]; then
        python3 -m venv "$venv"
        pip_install "$venv" numpy onnx onnxruntime
        # Its kernels need no PyTorch, which is what it depends on.
        pip_install "$venv" --no-deps bnn-lab
        touch "$venv/complete"
    fi
    cargo build --release --quiet --locked -p bnn-capi
    (
        # Its kernels of the same instruction set as ours.
        case ${BNN_ISA:-} in
        portable | popcnt) export BNN_KERNEL=scalar ;;
        avx2) export BNN_KERNEL=avx2 ;;
        esac
        OMP_NUM_THREADS=1 taskset -c "$core" "$venv/bin/python" benches/peers/contest.py "$@"
    )
}

training_steps() {
    local venv=target/peers-torch
    if ! [ -e "$venv/complete" ]; then
        python3 -m venv "$venv"
        pip_install "$venv" numpy ninja wheel
        install_pytorch "$venv" torch nvidia-cuda-runtime nvidia-cuda-cupti nvidia-cufile
        touch "$venv/complete"
    fi
    cargo build --release --quiet --locked -p bnn-benches --example train_step
    OMP_NUM_THREADS=1 taskset -c "$core" "$venv/bin/python" benches/peers/torch_step.py --threads 1 "$@"
    # Processor time is that of one thread.
    case " $* " in *" --processor-time "*) return ;; esac
    echo
    OMP_NUM_THREADS=2 taskset -c "$pair" "$venv/bin/python" benches/peers/torch_step.py --threads 2 "$@"
}

case ${1:-} in
steps)
    training_steps "${@:2}"
    ;;
-h | --help)
    models_and_products --help
    ;;
*)
    models_and_products "$@"
    echo
    training_steps
    ;;
esac
