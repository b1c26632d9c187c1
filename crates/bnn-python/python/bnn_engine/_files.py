"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

from ._native import Error

_MODEL = b"\x89BNN\r\n\x1a\n"


def write_model(path: str | os.PathLike[str], file: bytes, force: bool) -> None:
    """Writes a model file; `Error` for a file there that is none, unless `force` is set."""
    if not force and not _begins(path, _MODEL):
        check_same(path, file)
    replace_file(path, file)


def check_same(path: str | os.PathLike[str], file: bytes) -> None:
    """`Error` for a file at `path` with another content."""
    if not os.path.lexists(path):
        return
    if os.path.isfile(path) and os.path.getsize(path) == len(file):
        with open(path, "rb") as old:
            if old.read() == file:
                return
    raise Error(f"{os.fspath(path)} exists and holds something else; name another file, or replace it with force=True")


def check_inputs(path: str | os.PathLike[str], inputs: Iterable[str | os.PathLike[str]]) -> None:
    """`Error` for a `path` that leads to one of the files that were read."""
    for name in inputs if os.path.exists(path) else ():
        if os.path.samefile(name, path):
            raise Error(f"{os.fspath(path)}: would replace the input {os.fspath(name)}; name another file to write")


def _begins(path: str | os.PathLike[str], start: bytes) -> bool:
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(start)) == start


def replace_file(path: str | os.PathLike[str], file: bytes) -> None:
    """Writes a file to a temporary name beside it, and renames it."""
    folder, name = os.path.split(os.path.abspath(path))
    temporary = tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}.", delete=False)
    try:
        with temporary:
            temporary.write(file)
            temporary.flush()
            os.fsync(temporary.fileno())
        os.chmod(temporary.name, 0o666 & ~_umask())
        os.replace(temporary.name, path)
    except BaseException:
        os.unlink(temporary.name)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
