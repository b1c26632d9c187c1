"""The native functions over tensors: what operators and functions of this package share.

A product keeps of its input `saved`, int64 `[2, rows, words]`: packed signs, and where the gradient
passes. `signs` are the packed weights, int64 `[n, words]`. (PyTorch has few functions for uint64.)
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import _native
from .._native import Error
from ..bits import row_words as row_words


def check(what: str, x: Tensor) -> None:
    """Refuses what is not `float32` on the CPU."""
    if x.dtype is torch.float32 and x.is_cpu:
        return
    if x.device.type != "cpu":
        raise Error(f"{what}: expected a tensor on the CPU, found one on {x.device}")
    if x.dtype != torch.float32:
        raise TypeError(f"{what}: expected float32, found {x.dtype}; convert it with .float()")


def array(x: Tensor) -> np.ndarray:
    """The tensor's memory, or a copy without gaps."""
    return x.detach().contiguous().resolve_neg().numpy()


def words(x: Tensor) -> np.ndarray:
    """Packed bits that are kept as int64."""
    return array(x).view(np.uint64)


def bits(x: np.ndarray) -> Tensor:
    """Packed bits to keep, as int64."""
    return torch.from_numpy(x.view(np.int64))


def matrix(x: Tensor) -> np.ndarray:
    """Leading dimensions become one."""
    return array(x) if x.ndim == 2 else array(x).reshape(math.prod(x.shape[:-1]), x.shape[-1])


def check_linear(x: Tensor, weight: Tensor) -> None:
    check("input", x)
    check("weight", weight)
    if weight.ndim != 2 or x.ndim == 0 or x.shape[-1] != weight.shape[1]:
        expected = "input [..., k] and weight [n, k]"
        raise Error(f"linear layer: expected {expected}, found {list(x.shape)} and {list(weight.shape)}")
    if 0 in weight.shape:
        raise Error(f"weight: expected at least one output and one input, found {list(weight.shape)}")


def linear(x: Tensor, weight: Tensor, clip: float | None) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """`sign(x) @ sign(weight).T`; with `clip`, also `saved` and `signs`."""
    check_linear(x, weight)
    y, saved, signs = _native.linear_forward(matrix(x), array(weight), clip)
    y = torch.from_numpy(y)
    if x.ndim != 2:
        y = y.reshape(*x.shape[:-1], weight.shape[0])
    return y, None if saved is None else bits(saved), None if signs is None else bits(signs)


def linear_input_gradient(dy: Tensor, saved: Tensor, signs: Tensor, k: int) -> Tensor:
    dx = _native.linear_input_gradient(matrix(dy), words(saved), words(signs), k)
    return torch.from_numpy(dx).reshape(*dy.shape[:-1], k)


def linear_weight_gradient(dy: Tensor, saved: Tensor, k: int) -> Tensor:
    return torch.from_numpy(_native.linear_weight_gradient(matrix(dy), words(saved), k))


def ordered_linear(x: Tensor, weight: Tensor) -> Tensor:
    """`x @ weight.T` with sums in the order of a row, as a model file has them."""
    check_linear(x, weight)
    y = torch.from_numpy(_native.ordered_product(matrix(x), array(weight)))
    return y.reshape(*x.shape[:-1], weight.shape[0])


class ConvOptions(NamedTuple):
    """How windows slide; `padding` is `(top, bottom, left, right)`, its value 0, 1 or -1."""

    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    groups: int
    pad_value: int


@lru_cache(maxsize=256)
def shape_of(image: tuple[int, ...], weight: tuple[int, ...], options: ConvOptions) -> _native.Conv2d:
    """The checked shape of a convolution of images `(channels, height, width)` with a weight."""
    channels, height, width = image
    outputs, per_group, *kernel = weight
    if channels != per_group * options.groups:
        raise Error(f"channels of the input: expected {per_group * options.groups}, found {channels}")
    stride, padding, dilation, groups, pad_value = options
    return _native.Conv2d([height, width, channels], outputs, kernel, stride, dilation, groups, padding, pad_value)


def check_conv2d(x: Tensor, weight: Tensor) -> None:
    check("input", x)
    check("weight", weight)
    if x.ndim != 4 or weight.ndim != 4:
        expected = "input [batch, channels, height, width] and weight [outputs, channels / groups, height, width]"
        raise Error(f"binary_conv2d: expected {expected}, found {list(x.shape)} and {list(weight.shape)}")


def _last(x: Tensor) -> np.ndarray:
    """`[batch, channels, height, width]` with the channels last; no copy if they lie so."""
    return array(x.permute(0, 2, 3, 1))


def _first(x: np.ndarray) -> Tensor:
    """`[batch, height, width, channels]` with the channels first, in the memory format channels_last."""
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def conv2d(
    x: Tensor, weight: Tensor, options: ConvOptions, clip: float | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The convolution of signs; with `clip`, also `saved` and `signs`."""
    check_conv2d(x, weight)
    shape = shape_of(tuple(x.shape[1:]), tuple(weight.shape), options)
    y, saved, signs = shape.forward(_last(x), _last(weight).reshape(len(weight), -1), clip)
    return _first(y), None if saved is None else bits(saved), None if signs is None else bits(signs)


def conv2d_input_gradient(dy: Tensor, saved: Tensor, signs: Tensor, image: list[int], weight: list[int], options: ConvOptions) -> Tensor:
    shape = shape_of(tuple(image), tuple(weight), options)
    return _first(shape.input_gradient(_last(dy), words(saved), words(signs)))


def conv2d_weight_gradient(dy: Tensor, saved: Tensor, image: list[int], weight: list[int], options: ConvOptions) -> Tensor:
    shape = shape_of(tuple(image), tuple(weight), options)
    outputs, per_group, height, width = weight
    dw = shape.weight_gradient(_last(dy), words(saved))
    return _first(dw.reshape(outputs, height, width, per_group))


