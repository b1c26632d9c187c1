"""Model files (`.bnn`)."""

from __future__ import annotations

import math
import os
import stat
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._meta import unescape
from ._native import Error
from .bits import pack, row_words

# The first bytes of every model file.
_MAGIC = b"\x89BNN\r\n\x1a\n"
# Bytes of the header, and which of them are the length of the file.
_HEADER = 32
_LENGTH = slice(12, 16)
# Of a file whose length is not known before, as much is read at a time.
_CHUNK = 1 << 20


class Model:
    """A checked model file, laid out for this CPU.

    It never changes, and any number of threads may run it at once.
    """

    __slots__ = ("_native",)

    def __init__(self, file: bytes) -> None:
        """Takes the bytes of a model file; see `Model.open` for a path.

        Raises `Error` for anything but a file that the format allows.
        """
        self._native = _native.Model(bytes(file))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Model:
        """Opens a model file. No more is read than its header says that it is long.

        Raises `OSError` if it cannot be read, `Error` if it is not a model file or is damaged.
        """
        with open(path, "rb") as file:
            return cls(_read(file, path))

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of a sample; `(1, 1, inputs)` of a model of dense layers."""
        return tuple(self._native.input_shape)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of an output; `(1, 1, outputs)` after dense layers."""
        return tuple(self._native.output_shape)

    @property
    def input_type(self) -> str:
        """The elements of a sample: `"bits"`; `"u1"` to `"u8"`, bytes of 1 to 8 bits; or
        `"thresholds"`, bytes of which the model makes bits."""
        return self._native.input_type

    @property
    def output_type(self) -> str:
        """`"bits"`, `"int32"` (sums) or `"float32"` (scores)."""
        return self._native.output_type

    @property
    def meta(self) -> dict[str, str]:
        """The `key=value` lines that the writer of the file left; of equal keys the first counts."""
        meta = {}
        for line in self._native.meta.split("\n"):
            key, is_pair, value = line.removesuffix("\r").partition("=")
            if is_pair and key not in meta:
                meta[key] = unescape(value)
        return meta

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes in the order of the scores, or `None` if the file does not have
        them all."""
        meta, classes = self.meta, math.prod(self.output_shape)
        # A small file can have any number of outputs, but not of names.
        if classes > len(meta):
            return None
        names = [meta.get(f"class.{i}") for i in range(classes)]
        return None if None in names else names

    @property
    def layers(self) -> list[str]:
        """A line per layer: kind, input shape and type, output shape and type."""
        return self._native.layers()

    @property
    def file_bytes(self) -> int:
        """Bytes of the file: what it takes of flash."""
        return self._native.file_bytes

    @property
    def scratch_bytes(self) -> int:
        """Bytes of memory that a sample takes where there is no allocator."""
        return self._native.scratch_bytes

    @property
    def operations(self) -> int:
        """Operations of a run of one sample."""
        return self._native.operations

    def run(self, x: ArrayLike) -> NDArray[Any]:
        """Runs samples.

        x: `[samples, ...]`, each sample of `height * width * channels` elements in that order, in
            any shape. Models of bytes take `uint8`. Models of bits take packed bits (`uint64`, each
            pixel on a word of its own), or other numbers or truths, which `pack` packs.

        Returns `[samples, outputs]`, or `[samples, height, width, channels]` where an output is an
        image: `int32` or `float32`; of a model that gives out bits, `uint64` with the words of a
        pixel in the place of the channels.

        Raises `Error` for another number of elements or a byte with more bits than the input has,
        `TypeError` for another dtype.
        """
        x = np.asarray(x)
        height, width, channels = self.input_shape
        if x.ndim < 2:
            raise Error(f"samples: expected the shape [samples, ...], found {x.shape}")
        samples = x.shape[0]
        if self.input_type != "bits":
            if x.dtype != np.uint8:
                raise TypeError(f"samples of a model of bytes: expected uint8, found {x.dtype}")
            run, per_sample = self._native.run_bytes, height * width * channels
        else:
            per_sample = height * width * row_words(channels)
            if x.dtype != np.uint64:
                _check_elements(x, height * width * channels)
                x = pack(x.reshape(samples, height * width, channels))
            run = self._native.run_bits
        _check_elements(x, per_sample)
        output = self.output_shape
        if self.output_type == "bits":
            output = (*output[:2], row_words(output[2]))
        shape = output[2:] if output[:2] == (1, 1) else output
        if samples == 0:
            return np.empty((0, *shape), _DTYPES[self.output_type])
        return run(samples, np.ascontiguousarray(x).reshape(-1)).reshape(samples, *shape)

    __call__ = run

    def predict(self, x: ArrayLike) -> NDArray[np.intp]:
        """The class of each sample, `[samples]`: where the score is greatest, the first of equals.

        Raises `Error` for a model that gives out bits; otherwise as `run`.
        """
        if self.output_type == "bits":
            raise Error("the model gives out bits, expected scores")
        scores = self.run(x)
        return scores.reshape(len(scores), -1).argmax(axis=1)

    def __repr__(self) -> str:
        return f"Model({self.input_shape} {self.input_type} -> {self.output_shape} {self.output_type}, {len(self.layers)} layers)"


def _read(file: BinaryIO, path: str | os.PathLike[str]) -> bytes:
    """What is read of a file stops at its header if that does not begin like a model file's or the
    file is not as long as it says."""
    found = bytearray(file.read(_HEADER))
    if not found.startswith(_MAGIC):
        begins = bytes(found[: len(_MAGIC)])
        raise Error(f"{os.fspath(path)}: not a model file: it begins with {begins!r}, expected {_MAGIC!r}")
    stated, status = int.from_bytes(found[_LENGTH], "little"), os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size != stated:
        raise Error(f"{os.fspath(path)}: model file has {status.st_size} bytes, expected {stated}")
    # One byte more, so that a pipe that is too long is noticed.
    while chunk := file.read(min(_CHUNK, max(stated + 1 - len(found), 0))):
        found += chunk
    return bytes(found)


_DTYPES = {"bits": np.uint64, "int32": np.int32, "float32": np.float32}


def _check_elements(x: NDArray[Any], expected: int) -> None:
    found = math.prod(x.shape[1:])
    if found != expected:
        raise Error(f"elements of a sample: expected {expected}, found {found}")


def info(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Describes a model file: shapes, types, layers, sizes and meta.

    Raises as `Model.open`.
    """
    model = Model.open(path)
    names = (
        "input_shape",
        "input_type",
        "output_shape",
        "output_type",
        "layers",
        "file_bytes",
        "scratch_bytes",
        "operations",
        "meta",
    )
    return {name: getattr(model, name) for name in names}
