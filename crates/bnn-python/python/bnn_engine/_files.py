"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile


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
