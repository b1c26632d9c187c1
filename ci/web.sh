#!/bin/sh
# The npm package and the page: builds them, runs the package in node and the page in Chromium.
# usage: ci/web.sh        (BNN: the command `bnn`, by default one that is built with optimisation)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/packages.sh

command -v node >/dev/null || install nodejs
command -v npm >/dev/null || install npm
install chromium fonts-dejavu-core
# What is installed here is promised.
export BNN_REQUIRE="${BNN_REQUIRE:+$BNN_REQUIRE,}chromium"

[ -n "${BNN:-}" ] || { cargo build --quiet --locked --release -p bnn-cli && BNN=target/release/bnn; }
BNN=$(realpath "$BNN")
export BNN
web/build.sh
for module in web/dist/*.wasm; do
    echo "$module: $(wc -c <"$module") bytes, $(gzip -9 -c "$module" | wc -c) with gzip"
done
cd web
npm ci --loglevel=error --ignore-scripts --no-audit --no-fund
# The page is not a part of the package.
npm pack --dry-run --json --ignore-scripts | node -e '
    const [{ files, size }] = JSON.parse(require("fs").readFileSync(0));
    const names = files.map(({ path }) => path);
    const wrong = names.filter((name) => !/^(src\/|dist\/bnn(-simd128)?\.wasm$|LICENSE-|README\.md$|package\.json$)/.test(name));
    if (wrong.length > 0 || names.length < 14) throw new Error(`the package holds ${names}`);
    console.log(`npm package: ${names.length} files, ${size} bytes packed`);'
npm test --silent
