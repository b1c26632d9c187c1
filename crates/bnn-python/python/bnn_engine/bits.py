"""Packed bits: to and from numbers, and products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from . import _native
from ._native import Error

Bits = NDArray[np.uint64]

_SIGNED = ("float32", "float64", "int8", "int16", "int32", "int64")


def row_words(k: int) -> int:
    """Words of a row of `k` elements: `ceil(k / 64)`."""
    return -(-k // 64)


def _rows(x: NDArray[Any], last: int) -> NDArray[Any]:
    """`x` as a matrix without gaps, `[product of the other dimensions, last]`; a copy if need be."""
    rows = math.prod(x.shape[:-1])
    return np.ascontiguousarray(x).reshape(rows, last)


def pack(x: ArrayLike) -> Bits:
    """Packs the signs of the last dimension.

    x: `[..., k]` signed numbers (`float16`, `float32`, `float64`, `int8` to `int64`), or truths, of
        which `True` is +1. Any strides; `k` is at least 1.

    Returns `uint64` `[..., ceil(k / 64)]`.

    Raises `Error` without a last dimension or with one of 0, `TypeError` for another dtype.
    Unsigned numbers are among those: all of them are at least 0. Compare them with a threshold, and
    pack the truths.
    """
    x = np.asarray(x)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise Error(f"numbers to pack: expected at least one in the last dimension, found the shape {x.shape}")
    k = x.shape[-1]
    if x.dtype == np.bool_:
        bits = _native.pack_bools(_rows(x, k))
    else:
        if x.dtype == np.float16:
            x = x.astype(np.float32)
        if x.dtype.name not in _SIGNED:
            raise TypeError(f"numbers to pack: expected signed numbers or truths, found {x.dtype}")
        bits = _native.pack(_rows(x.astype(x.dtype.newbyteorder("="), copy=False), k))
    return bits.reshape(*x.shape[:-1], row_words(k))


def unpack(bits: Bits, k: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Unpacks rows of `k` bits to +1 and -1.

    bits: `uint64` `[..., ceil(k / 64)]`.
    dtype: `float32`, `float64`, `int8`, `int16`, `int32` or `int64`.

    Returns `[..., k]`.

    Raises `Error` if the rows have another number of words, or a bit after element `k - 1` is set;
    `TypeError` for another dtype.
    """
    bits = _checked("bits", bits, k)
    x = _native.unpack(_rows(bits, row_words(k)), k, np.dtype(dtype).name)
    return x.reshape(*bits.shape[:-1], k)


def _checked(what: str, bits: Any, k: int) -> Bits:
    """`bits` as an array, if it can be rows of `k` bits."""
    bits = np.asarray(bits)
    if bits.dtype != np.uint64:
        raise TypeError(f"{what}: expected packed bits (uint64), found {bits.dtype}")
    if k < 1:
        raise Error(f"{what}: expected rows of at least one element, found {k}")
    if bits.ndim == 0 or bits.shape[-1] != row_words(k):
        raise Error(f"{what}: expected the last dimension {row_words(k)} for rows of {k} bits, found the shape {bits.shape}")
    return bits


class Weights:
    """Weights `[n, k]` of +1 and -1, laid out once for this CPU.

    They never change, and any number of threads may use them at once.
    """

    __slots__ = ("_bits", "_native")

    def __init__(self, bits: Bits, k: int) -> None:
        """Takes packed rows, `uint64` `[n, ceil(k / 64)]`; see `Weights.pack` for numbers.

        Raises `Error` for another shape, or a set bit after element `k - 1`.
        """
        bits = _checked("weights", bits, k)
        if bits.ndim != 2:
            raise Error(f"weights: expected two dimensions, found the shape {bits.shape}")
        self._bits = np.array(bits, order="C")
        self._bits.flags.writeable = False
        self._native = _native.Weights(self._bits, k)

    @classmethod
    def pack(cls, w: ArrayLike) -> Weights:
        """Packs the signs of `w`, `[n, k]`; see `pack`."""
        w = np.asarray(w)
        return cls(pack(w), w.shape[-1])

    @property
    def shape(self) -> tuple[int, int]:
        """`(n, k)`: outputs and inputs."""
        return self._native.shape

    @property
    def bits(self) -> Bits:
        """The packed rows, `[n, ceil(k / 64)]`, read-only."""
        return self._bits

    def affine(self, x: Bits, scale: ArrayLike, bias: ArrayLike) -> NDArray[np.float32]:
        """`scale * sum + bias` of rows of bits: product and sum each rounded to `float32`, never
        fused, so that every CPU gives the same.

        x: `uint64` `[..., ceil(k / 64)]`.
        scale, bias: `[n]`.

        Returns `float32` `[..., n]`.
        """
        n, k = self.shape
        x = _checked("bits", x, k)
        of_outputs = [np.ascontiguousarray(p, np.float32) for p in (scale, bias)]
        y = self._native.affine(_rows(x, row_words(k)), *of_outputs)
        return y.reshape(*x.shape[:-1], n)

    def __repr__(self) -> str:
        n, k = self.shape
        return f"Weights(n={n}, k={k})"


def matmul(x: NDArray[Any], w: Weights | Bits, k: int | None = None) -> NDArray[Any]:
    """Multiplies rows with weights of +1 and -1: `y[..., j] = sum over l of x[..., l] * w[j, l]`.

    x: packed bits, `uint64` `[..., ceil(k / 64)]`, or real numbers, `float32` `[..., k]`, of which
        not the signs but the numbers are multiplied (`pack` them to multiply signs).
    w: `Weights`, or packed rows, `uint64` `[n, ceil(k / 64)]`. To multiply more than once with the
        same, make `Weights`: they are laid out once.
    k: elements of a row; needed if neither side tells it.

    Returns `int32` `[..., n]` for bits, exact; `float32` for real numbers, summed in `float32` in an
    order that depends on the shapes alone.
    """
    x = np.asarray(x)
    if not isinstance(w, Weights):
        if k is None and x.dtype == np.float32 and x.ndim > 0:
            k = x.shape[-1]
        if k is None:
            raise Error("products of packed bits: expected k, the number of elements of a row, or Weights")
        w = Weights(w, k)
    n, expected = w.shape
    if k is not None and k != expected:
        raise Error(f"k: expected {expected}, as the weights have it, found {k}")
    if x.dtype == np.float32:
        if x.ndim == 0 or x.shape[-1] != expected:
            raise Error(f"numbers to multiply: expected the last dimension {expected}, found the shape {x.shape}")
        y = _native.multiply_floats(_rows(x, expected), w.bits)
    elif x.dtype == np.uint64:
        x = _checked("bits", x, expected)
        y = w._native.sums(_rows(x, row_words(expected)))
    else:
        raise TypeError(f"left side of a product: expected packed bits (uint64) or float32, found {x.dtype}")
    return y.reshape(*x.shape[:-1], n)
