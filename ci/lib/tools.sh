# shellcheck shell=sh
# Commands of cargo's that the check needs. To be sourced, from the repository's root.

. ci/lib/packages.sh

# cargo_tool NAME: installs `cargo NAME` in the version that ci/tools.txt names, unless it is there:
# the program that the Python index has ready, or, where that does not run, one that is built from
# its source.
cargo_tool() {
    tool_version=$(sed -n "s/^astral-dev-toolchain-cargo-$1==\([^ ]*\).*/\1/p" ci/tools.txt)
    case $(cargo "$1" --version 2>/dev/null) in *" $tool_version") return 0 ;; esac
    tool_bin=${CARGO_HOME:-$HOME/.cargo}/bin
    tool_folder=$(mktemp -d)
    grep "cargo-$1==" ci/tools.txt >"$tool_folder/wanted.txt"
    command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 || install python3-pip
    command -v unzip >/dev/null || install unzip
    if python3 -m pip download --quiet --no-deps --require-hashes --dest "$tool_folder" -r "$tool_folder/wanted.txt" >/dev/null 2>&1 &&
        unzip -q -o -j "$tool_folder"/*.whl "*/scripts/cargo-$1" -d "$tool_bin" && chmod +x "$tool_bin/cargo-$1" &&
        cargo "$1" --version >/dev/null 2>&1; then
        rm -r "$tool_folder"
        return 0
    fi
    rm -r "$tool_folder"
    quietly cargo install "cargo-$1" --locked --force --version "$tool_version"
}
