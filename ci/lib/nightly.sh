# shellcheck shell=sh
# What only a nightly compiler does. To be sourced.

# nightly_or_skip WHAT: ends the script where there is no nightly toolchain: with a word of it, and as a failure where
# BNN_REQUIRE promises `nightly`.
nightly_or_skip() {
    cargo +nightly --version 2>/dev/null && return
    case ,${BNN_REQUIRE:-}, in
        *,nightly,*) echo "$1 needs a nightly toolchain, which BNN_REQUIRE promises" >&2; exit 1 ;;
    esac
    echo "skipped $1: there is no nightly toolchain (rustup toolchain install nightly)"
    exit 0
}
