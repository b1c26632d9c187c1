#!/bin/sh
# Builds web/dist, which is not in the repository: the two builds of the library, and for the page
# its network, trained by `bnn train`, and the product in f32 that it is compared with.
# usage: web/build.sh        (BNN: the command `bnn`, by default one that is built here)
set -eu
cd "$(dirname "$0")/.."
. ci/lib/cross.sh

[ -n "${BNN:-}" ] || { cargo build --quiet --locked --release -p bnn-cli && BNN=target/release/bnn; }
BNN=$(realpath "$BNN")
mkdir -p web/dist target/web
cp LICENSE-MIT LICENSE-APACHE web
dist=$PWD/web/dist
trained=target/web/digits
if [ ! -f $trained/digits.bnn ] || [ "$BNN" -nt $trained/digits.bnn ]; then
    rm -rf $trained
    mkdir -p $trained
    (cd $trained && quietly "$BNN" train --out digits.bnn)
fi
cp $trained/digits.bnn "$dist"

target=wasm32-unknown-unknown
# The linker that rustup's compiler brings; Debian's has none for this target.
linker=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/rust-lld
use_cross
# Little stack: a call takes less than 5 KiB of it.
linking="-C link-arg=-zstack-size=65536"
# No path of this machine is in what is published.
linking="$linking --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=bnn"

# wasm FILE FLAGS: builds the library.
wasm() {
    use_target $target core "$2 $linking"
    [ ! -x "$linker" ] || set_for_target $target LINKER "$linker"
    cargo rustc --quiet --locked --profile web -p bnn-capi --lib --crate-type cdylib \
        --no-default-features --features graph,messages --target $target --target-dir target/web
    cp target/web/$target/web/bnn.wasm "$dist/$1"
}
# Most time goes into counting the bits of words, and vectors made of such loops are slower.
wasm bnn-simd128.wasm "-C target-feature=+simd128 -C no-vectorize-loops"
wasm bnn.wasm "-C target-feature=-simd128"

# The page's f32 network, with vectors; it is compiled by the same compiler.
use_target $target core ""
flags=$(eval "echo \"\$CARGO_TARGET_$(echo $target | tr 'a-z-' 'A-Z_')_RUSTFLAGS\"")
# shellcheck disable=SC2086  # a list of words
rustc --edition 2024 --crate-type cdylib --target $target $flags -C opt-level=3 -C strip=symbols \
    -C target-feature=+simd128 $linking $([ ! -x "$linker" ] || echo "-C linker=$linker") \
    -o "$dist/f32.wasm" web/page/f32.rs
ls -l "$dist"
