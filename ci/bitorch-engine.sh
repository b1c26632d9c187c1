#!/usr/bin/env bash
# Runs bitorch-engine's own tests of linear layers and convolutions on CPUs, as they are, on this
# engine: once with its Python layers on our extensions, once with our layers. In the environment
# that ci/python.sh has made.
# usage: ci/bitorch-engine.sh CHECKOUT        (a checkout of GreenBitAI/bitorch-engine)
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=${1:?usage: ci/bitorch-engine.sh CHECKOUT}
python=$PWD/target/python/bin/python

"$python" -c 'import torch, bnn_engine' || { echo "expected the environment of BNN_REQUIRE=torch ci/python.sh" >&2; exit 1; }
"$python" -m pip --quiet --disable-pip-version-check install pandas matplotlib py-cpuinfo
"$python" -m pip --quiet --disable-pip-version-check install --no-deps bitorch==0.4.1

plugins=$(mktemp -d)
trap 'rm -rf "$plugins"' EXIT
echo 'from bnn_engine.compat import bitorch_engine as ours; ours.install_extensions()' >"$plugins/on_our_extensions.py"
echo 'from bnn_engine.compat import bitorch_engine as ours; ours.install_extensions(); ours.install_layers()' >"$plugins/on_our_layers.py"
cd "$checkout"
for form in on_our_extensions on_our_layers; do
    echo "bitorch-engine's tests, $form"
    PYTHONPATH=$plugins "$python" -m pytest -q -p "$form" -p no:cacheprovider \
        tests/layers/test_binary_linear.py tests/layers/test_binary_conv.py
done
