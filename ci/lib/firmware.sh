# shellcheck shell=sh
# Building the programs of firmware/. To be sourced, after ci/lib/cross.sh and use_cross.

# build_firmware PACKAGE TARGET FEATURES PROGRAM..: links the programs, all in one run of cargo,
# into target/linked/.
build_firmware() {
    package=$1 target=$2 features=$3
    shift 3
    link_for_bare_metal "$target"
    # shellcheck disable=SC2046  # a list of words
    cargo build --quiet --locked --release --manifest-path firmware/Cargo.toml --target-dir target/firmware \
        --target "$target" -p "$package" --features "$features" $(printf ' --bin %s' "$@")
    # Programs of one name differ by features: each is kept under its own.
    mkdir -p target/linked
    for program in "$@"; do
        ln -f "target/firmware/$target/release/$program" "$(linked "$program" "$target" "$features")"
    done
}

# linked PROGRAM TARGET FEATURES: where build_firmware leaves it.
linked() { echo "target/linked/$1-$2${3:+-$3}"; }
