# shellcheck shell=sh
# Building against LibTorch and an installed libbnn. To be sourced, from the repository's root.

. ci/lib/packages.sh

# Installs libbnn into target/installed, for find_package.
install_bnn() {
    quietly cmake -S . -B target/install -DCMAKE_INSTALL_PREFIX="$PWD/target/installed" -DBNN_CARGO_TARGET_DIR="$PWD/target"
    quietly cmake --build target/install
    quietly cmake --install target/install
    export CMAKE_PREFIX_PATH="$PWD/target/installed"
}

# Of Debian's libraries behind `libblas.so.3` the one that shares LibTorch's threads; it is the
# fastest by far.
use_openblas() {
    for folder in /usr/lib/*/openblas-openmp; do
        [ -d "$folder" ] && export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    done
    # It gives a CPU that is newer than itself its oldest kernels, unless it is told which ones fit.
    case ${OPENBLAS_CORETYPE:-$(grep -m1 '^flags' /proc/cpuinfo)} in
        *avx512vl*) export OPENBLAS_CORETYPE=SkylakeX ;;
        *avx2*) export OPENBLAS_CORETYPE=Haswell ;;
    esac
}
