#!/usr/bin/env bash
# A release in rehearsal. Of the crates: each is built from its package, as `cargo publish` does, and
# the public API is compared with the last release's. Of the files: they are made, verified, and
# tried away from the repository. Installs what it needs.
# usage: ci/release.sh crates | files
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

xtask() { cargo run --quiet --locked --package xtask -- "$@"; }

crates() {
    xtask packages --rehearse
    xtask api
}

files() {
    install binutils python3-venv
    command -v npm >/dev/null || install nodejs npm
    target=x86_64-unknown-linux-musl
    rustup_has $target || {
        target=x86_64-unknown-linux-gnu
        echo "rustup has no x86_64-unknown-linux-musl, for which the command is shipped, and cannot get it:"
        echo "the rehearsal is of $target, linked with this machine's C library"
    }
    xtask dist --rehearse --target "$target"

    away=$(mktemp -d)
    trap 'rm -rf "$away"' EXIT
    dist=$PWD/target/dist
    version=$(xtask versions)
    (cd "$dist" && sha256sum --quiet --check SHA256SUMS)

    echo "no file names a folder of this machine"
    unpacked=$away/unpacked
    mkdir -p "$unpacked/npm" "$unpacked/command"
    python3 -m zipfile -e "$dist"/bnn_engine-"$version"-*.whl "$unpacked/wheel"
    tar -C "$unpacked/npm" -xzf "$dist/bnn-engine-$version.tgz"
    tar -C "$unpacked/command" -xzf "$dist/bnn-$version-$target.tar.gz"
    cp "$dist"/*.json "$unpacked"
    if grep -ral -e "$PWD/" -e "$HOME/" "$unpacked"; then echo "these do" >&2; exit 1; fi

    echo "the archive of the command, away from the repository"
    tar -C "$away" -xzf "$dist/bnn-$version-$target.tar.gz"
    here=$away/bnn-$version-$target
    (cd "$here" && find . -type f | sort)
    (cd "$away" && env -i "$here/bnn" train --epochs 3 --json >trained.json && env -i "$here/bnn" eval digits.bnn)
    bash -n "$here/completions/bnn.bash"

    echo "the wheel, in an environment of its own"
    python3 -m venv "$away/python"
    "$away/python/bin/pip" --quiet --disable-pip-version-check install "$dist"/bnn_engine-"$version"-*.whl
    (cd "$away" && python/bin/python -c "import bnn_engine; assert bnn_engine.__version__ == '$version'")

    echo "the npm package, in a folder of its own"
    mkdir "$away/node"
    (cd "$away/node" && npm install --loglevel=error --no-audit --no-fund "$dist"/bnn-engine-"$version".tgz)
    cat >"$away/node/scores.mjs" <<'END'
import { readFile } from 'node:fs/promises';
import { Model } from 'bnn-engine';

const model = await Model.open(await readFile('../digits.bnn'));
const scores = model.run(new Uint8Array(64));
if (scores.length !== 10) throw new Error(`${scores.length} scores, expected 10`);
END
    (cd "$away/node" && node scores.mjs)
}

case ${1:-} in
    crates | files) "$1" ;;
    *) echo "usage: ci/release.sh crates | files" >&2; exit 2 ;;
esac
