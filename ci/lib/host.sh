# shellcheck shell=sh Programs of this host that the checks of other targets run. To be sourced,
# from the repository's root, before Debian's Rust is in use.

# Built with the whole workspace, so that they are the very ones that `cargo test --workspace`
# builds.
build_for_host() { cargo build --quiet --locked --workspace --bins --examples; }

# BNN_BUILT says that they are there: .ci/run builds them once, and no script then waits for cargo's
# lock.
[ -n "${BNN_BUILT:-}" ] || build_for_host

bnn() { target/debug/bnn "$@"; }
xtask() { target/debug/xtask "$@"; }
