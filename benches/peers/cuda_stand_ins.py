"""Builds empty libraries in place of those of CUDA, so that the PyTorch of the package index runs on a CPU without them.

    python cuda_stand_ins.py SITE_PACKAGES

The index has PyTorch for GPUs, whose libraries take gigabytes. They are loaded at the start, but nothing calls them on
a CPU: a library of each name that has the symbols asked of it suffices. Needs gcc and binutils.
"""

import collections
import ctypes
import re
import subprocess
import sys
from pathlib import Path

# The symbols of a library, by the stem of its name.
SYMBOLS = {
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
    "libnccl": r"nccl|pnccl",
    "libnvJitLink": r"nvJitLink|__nvJitLink",
    "libnvrtc": r"nvrtc",
    "libnvshmem_host": r"nvshmem|_?nvshmem",
    "libnvToolsExt": r"nvtx",
}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_there(name, site, own):
    if name in own or list(site.glob(f"nvidia/**/{name}")):
        return True
    try:
        ctypes.CDLL(name)
        return True
    except OSError:
        return False


def build(path, symbols, versions):
    """An empty library of these functions, with the versions that its users ask for."""
    source = "".join(f"int {name}(void) {{ return 1; }}\n" for name in sorted(symbols))
    command = ["gcc", "-shared", "-fPIC", "-O0", "-w", "-x", "c", "-", "-o", str(path), f"-Wl,-soname,{path.name}"]
    if versions:
        script = path.with_suffix(".map")
        sections = (f"{version} {{ global: {'; '.join(sorted(names))}; }};\n" for version, names in versions.items())
        script.write_text("".join(sections))
        command.append(f"-Wl,--version-script={script}")
    subprocess.run(command, input=source, text=True, check=True)


def main():
    site = Path(sys.argv[1])
    folder = site / "torch/lib"
    libraries = sorted(folder.glob("*.so*"))
    needed, undefined, defined = set(), set(), set()
    for library in libraries:
        dynamic = output("readelf", "-dW", str(library))
        needed.update(re.findall(r"\(NEEDED\).*\[(.*?)\]", dynamic))
        for line in output("nm", "-D", "--with-symbol-versions", str(library)).splitlines():
            *_, kind, symbol = line.split()
            (undefined if kind == "U" else defined).add(symbol)
    own = {library.name for library in libraries}
    known = {symbol.split("@")[0] for symbol in defined}
    for name in sorted(needed):
        if is_there(name, site, own):
            continue
        pattern = re.compile(f"(?:{SYMBOLS.get(name.split('.so')[0], '$^')})")
        versions = collections.defaultdict(set)
        for symbol in undefined:
            symbol, _, version = symbol.partition("@")
            if pattern.match(symbol) and symbol not in known:
                versions[version.lstrip("@")].add(symbol)
        symbols = set().union(*versions.values())
        build(folder / name, symbols, {version: names for version, names in versions.items() if version})


if __name__ == "__main__":
    main()
