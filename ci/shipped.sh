#!/usr/bin/env bash
# What users get, built with optimisation: the README's first command, the npm package and its page,
# the installed library, the headers for LibTorch and the Python package.
# usage: ci/shipped.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export BNN_LANE="shipped"
. ci/lib/steps.sh

step "the README's first command"
folder=$(mktemp -d)
root=$PWD
(cd "$folder" && cargo run --manifest-path "$root/Cargo.toml" --release --locked --quiet -- train)
ls -l "$folder"
rm -r "$folder"

step "npm package, and the page in Chromium"
BNN=target/release/bnn ci/web.sh

step "installing, and a project that knows only what was installed"
ci/install.sh

step "LibTorch"
ci/libtorch.sh

step "Python package"
ci/python.sh
if [ -n "${BNN_BITORCH_ENGINE:-}" ]; then
    ci/bitorch-engine.sh "$BNN_BITORCH_ENGINE"
else
    echo "bitorch-engine's own tests are not run: BNN_BITORCH_ENGINE names no checkout of it"
fi
end_step
