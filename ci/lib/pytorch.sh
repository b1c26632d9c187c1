# shellcheck shell=bash
# PyTorch of the package index. To be sourced, from the repository's root, by bash.

# install_pytorch VENV PACKAGE..: installs the PACKAGEs, PyTorch among them, into a virtual
# environment. PyTorch's wheel for Linux wants gigabytes of CUDA, of which nothing is called on a
# CPU: what it is linked against comes from PACKAGEs or is built empty.
install_pytorch() {
    local environment=$1
    shift
    command -v gcc >/dev/null && command -v readelf >/dev/null || { . ci/lib/tools.sh && install gcc binutils; }
    local pip=("$environment/bin/pip" --quiet --disable-pip-version-check install)
    "${pip[@]}" 'setuptools<80' typing_extensions filelock sympy networkx jinja2 fsspec
    "${pip[@]}" --no-deps "$@"
    "$environment/bin/python" ci/lib/cuda_stand_ins.py \
        "$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
}
