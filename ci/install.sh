#!/bin/sh
# Installs the library into an empty folder and builds a project outside the repository from what is
# installed alone: in C and C++, with the shared and the static library, by CMake and by pkg-config.
# Installs what it needs.
set -eu
cd "$(dirname "$0")/.."
. ci/lib/packages.sh

install gcc g++ cmake make pkg-config binutils
root=$PWD
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
fail() { echo "$*" >&2; exit 1; }

# Staged as packagers do it, then moved: nothing may remember where it was built or installed first.
quietly cmake -S . -B "$away/build" -DCMAKE_INSTALL_PREFIX=/opt/first -DBNN_CARGO_TARGET_DIR="$root/target"
quietly cmake --build "$away/build"
DESTDIR=$away/stage quietly cmake --install "$away/build"
prefix=$away/installed
mv "$away/stage/opt/first" "$prefix"
cp -r ffi-tests/consumer "$away/consumer"
cd "$away/consumer"
lib=$(dirname "$(find "$prefix" -name libbnn.a)")
(cd "$prefix" && find . -type f -o -type l) | sort
if grep -rIl -e "$root" -e /opt/first "$prefix"; then fail "these name a folder that is not theirs"; fi

soname=libbnn.so.$(sed -n 's/^#define BNN_ABI_VERSION //p' "$prefix/include/bnn.h")
readelf -d "$lib/libbnn.so" | grep -q "SONAME.*\[$soname\]" || fail "the shared library's name is not $soname"
needs() { readelf -d "$1" | grep -q "NEEDED.*\[$soname\]"; }

echo "by CMake"
quietly cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix"
quietly cmake --build build
quietly ctest --test-dir build --output-on-failure
needs build/c_shared && needs build/cpp_shared || fail "the shared programs do not ask for $soname"
if needs build/c_static || needs build/cpp_static; then fail "a static program asks for $soname"; fi

echo "by pkg-config"
export PKG_CONFIG_PATH="$lib/pkgconfig"
strict="-Wall -Wextra -Werror -pedantic"
run() {
    printed=$("$@") || fail "$*: failed"
    [ "$printed" = "1 -3" ] || fail "$*: printed '$printed'"
}
# The linker warns that a static program still needs the system's libraries for names of hosts,
# which are not asked for. shellcheck disable=SC2046,SC2086  # lists of words
{
    gcc -std=c99 $strict main.c $(pkg-config --cflags --libs bnn) -o c_shared
    g++ -std=c++17 $strict main.cpp $(pkg-config --cflags --libs bnn) -o cpp_shared
    quietly gcc -std=c99 $strict main.c -static $(pkg-config --cflags --libs --static bnn) -o c_static
    quietly g++ -std=c++17 $strict main.cpp -static $(pkg-config --cflags --libs --static bnn) -o cpp_static
}
# The path of a prefix that the loader does not search.
# shellcheck disable=SC2046,SC2086
gcc -std=c99 $strict main.c $(pkg-config --cflags --libs bnn) $(pkg-config --variable=rpath bnn) -o c_rpath
run env -u LD_LIBRARY_PATH ./c_rpath
needs c_shared && needs cpp_shared || fail "the shared programs do not ask for $soname"
for language in c cpp; do
    run env LD_LIBRARY_PATH="$lib" ./${language}_shared
    run ./${language}_static
done
[ "$(pkg-config --modversion bnn)" = "$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")" ] || fail "bnn.pc has another version"
echo "the consumer ran with the shared and the static library"
