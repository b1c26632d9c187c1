#!/usr/bin/env bash
# A release in rehearsal: each crate is built from its package as `cargo publish` does, the public
# API is compared with the last release's, and the files of a release are made, verified and tried.
# Installs what it needs.
# usage: ci/release.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

install binutils python3-venv
command -v npm >/dev/null || install nodejs npm
target=x86_64-unknown-linux-musl
rustup_has $target || { echo "rustup has no $target, in which the command is shipped" >&2; exit 1; }
xtask() { cargo run --quiet --locked --package xtask -- "$@"; }

xtask packages --rehearse
xtask api
xtask dist

away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
dist=$PWD/target/dist
version=$(xtask versions)
(cd "$dist" && sha256sum --quiet --check SHA256SUMS)

echo "the archive of the command, away from the repository"
tar -C "$away" -xzf "$dist/bnn-$version-$target.tar.gz"
here=$away/bnn-$version-$target
(cd "$here" && find . -type f | sort)
if grep -raIl -e "$PWD" -e "$HOME" "$here"; then echo "these name folders of this machine" >&2; exit 1; fi
(cd "$away" && env -i "$here/bnn" train --epochs 1 >train.txt && env -i "$here/bnn" eval digits.bnn)
bash -n "$here/completions/bnn.bash"

echo "the wheel, in an environment of its own"
python3 -m venv "$away/python"
"$away/python/bin/pip" --quiet --disable-pip-version-check install "$dist"/bnn_engine-"$version"-*.whl
(cd "$away" && python/bin/python -c "import bnn_engine; assert bnn_engine.__version__ == '$version'")

echo "a release of version $version can be made"
