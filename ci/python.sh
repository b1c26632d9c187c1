#!/usr/bin/env bash
# The Python package: its wheel, what it needs, and its tests, in an environment of its own. The
# tests of the torch part run where BNN_REQUIRE names `torch`, on PyTorch from the package index, and
# those of the library for ONNX Runtime with them.
# usage: ci/python.sh
set -euo pipefail
cd "$(dirname "$0")/.."

python3 -c 'import venv, ensurepip' 2>/dev/null || . ci/lib/tools.sh
python3 -c 'import venv, ensurepip' 2>/dev/null || install python3-venv
environment=target/python
[ -x "$environment/bin/pip" ] || python3 -m venv "$environment"
pip() { "$environment/bin/pip" --quiet --disable-pip-version-check "$@"; }
python() { "$environment/bin/python" "$@"; }

pip install 'maturin>=1.9,<2'
rm -rf target/wheels
"$environment/bin/maturin" build --release --locked --quiet --out target/wheels
wheel=$(echo target/wheels/bnn_engine-*.whl)
bytes=$(stat -c %s "$wheel")
echo "$wheel: $bytes bytes"
[ "$bytes" -lt 3000000 ] || { echo "expected less than 3 MB" >&2; exit 1; }

# It needs numpy, and nothing else that is not in the standard library.
bare=$(mktemp -d)
trap 'rm -rf "$bare"' EXIT
python3 -m venv "$bare"
"$bare/bin/pip" --quiet --disable-pip-version-check install "$wheel"
needed=$("$bare/bin/pip" --disable-pip-version-check list --format freeze | grep -v -i -E '^(pip|setuptools|wheel|bnn-engine)' | sed 's/==.*//')
[ "$needed" = numpy ] || { echo "the wheel needs $needed, expected numpy alone" >&2; exit 1; }
(cd "$bare" && "$bare/bin/python" -c 'import bnn_engine; print(bnn_engine.__version__, bnn_engine.isa())')

pip install pytest numpy
pip install --force-reinstall --no-deps "$wheel"
. ci/lib/pytorch.sh
case ",${BNN_REQUIRE:-}," in
    *,torch,*)
        python -c 'import torch' 2>/dev/null ||
            install_pytorch "$environment" torch==2.15.0 'nvidia-cuda-runtime==13.2.*' 'nvidia-cuda-cupti==13.2.*' nvidia-cufile
        # Pinned, as its operators' interface is what is tested; onnx makes networks of single nodes.
        python -c 'import onnxruntime, onnx, h5py' 2>/dev/null ||
            pip install onnxruntime==1.31.1 onnx==1.23.2 h5py==3.16.0
        ;;
    *) echo "the torch part is tested only if PyTorch is here: BNN_REQUIRE does not name it" ;;
esac
python -m pytest -q -rs crates/bnn-python/tests
