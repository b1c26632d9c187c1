"""Stand-ins for the CUDA libraries that PyTorch's wheel for Linux is linked against, so that it loads
on a machine without them and without the gigabytes of their packages. They are never called: the
tests compute on the CPU.

usage: python cuda_stand_ins.py SITE_PACKAGES       (needs gcc and binutils)
"""

import collections
import ctypes
import pathlib
import re
import subprocess
import sys

# The names of functions that a library has, by the stem of its file's name.
FUNCTIONS = {
    "libcublas": r"cublas(?!Lt)|cublasXt",
    "libcublasLt": r"cublasLt",
    "libcuda": r"cu(?!File)[A-Z]",
    "libcudart": r"cuda[A-Z]|__cuda",
    "libcudnn": r"cudnn",
    "libcufft": r"cufft",
    "libcufile": r"cuFile",
    "libcupti": r"cupti",
    "libcurand": r"curand",
    "libcusolver": r"cusolver",
    "libcusparse": r"cusparse(?!Lt)",
    "libcusparseLt": r"cusparseLt",
    "libnccl": r"p?nccl",
    "libnvJitLink": r"(__)?nvJitLink",
    "libnvrtc": r"nvrtc",
    "libnvshmem_host": r"_?nvshmem",
    "libnvToolsExt": r"nvtx",
}


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_there(site, name):
    if (site / "torch/lib" / name).exists() or any(site.glob(f"nvidia/**/{name}")):
        return True
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def write_library(path, symbols):
    """A library whose functions do nothing; `symbols` has their names by the version that they carry."""
    source = "".join(f"int {name}(void) {{ return 1; }}\n" for names in symbols.values() for name in sorted(names))
    command = ["gcc", "-shared", "-fPIC", "-w", "-x", "c", "-", "-o", str(path), f"-Wl,-soname,{path.name}"]
    versions = path.with_suffix(".map")
    with_version = {version: names for version, names in symbols.items() if version}
    if with_version:
        lines = (f"{version} {{ global: {' '.join(f'{n};' for n in names)} }};\n" for version, names in with_version.items())
        versions.write_text("".join(lines))
        command.append(f"-Wl,--version-script={versions}")
    subprocess.run(command, input=source, text=True, check=True)
    versions.unlink(missing_ok=True)


def main(site):
    needed, undefined, defined = set(), set(), set()
    for library in sorted((site / "torch/lib").glob("*.so*")):
        needed.update(re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "-dW", str(library))))
        for line in output_of("nm", "-D", "--with-symbol-versions", str(library)).splitlines():
            *_, kind, symbol = line.split()
            (undefined if kind == "U" else defined).add(symbol)
    known = {symbol.split("@")[0] for symbol in defined}
    for name in sorted(needed):
        if is_there(site, name):
            continue
        functions = re.compile(FUNCTIONS.get(name.split(".so")[0], "$^"))
        symbols = collections.defaultdict(set)
        for symbol in undefined:
            function, _, version = symbol.partition("@")
            if functions.match(function) and function not in known:
                symbols[version.lstrip("@")].add(function)
        write_library(site / "torch/lib" / name, symbols)


main(pathlib.Path(sys.argv[1]))
