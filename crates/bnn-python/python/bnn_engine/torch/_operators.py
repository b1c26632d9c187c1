"""Custom operators with fakes and autograd: for eager mode, `torch.compile` and `torch.export`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import _kernels
from ._kernels import ConvOptions, row_words

_operator = torch.library.custom_op


def _like(x: Tensor, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return x.new_empty(shape, dtype=dtype)


# Linear layers


@_operator("bnn_engine::binary_linear", mutates_args=(), device_types="cpu")
def linear(x: Tensor, weight: Tensor) -> Tensor:
    return _kernels.linear(x, weight, None)[0]


@linear.register_fake
def _(x: Tensor, weight: Tensor) -> Tensor:
    _kernels.check_linear(x, weight)
    return _like(x, *x.shape[:-1], weight.shape[0])


@_operator("bnn_engine::binary_linear_saving", mutates_args=(), device_types="cpu")
def linear_saving(x: Tensor, weight: Tensor, clip: float) -> tuple[Tensor, Tensor, Tensor]:
    return _kernels.linear(x, weight, clip)


@linear_saving.register_fake
def _(x: Tensor, weight: Tensor, clip: float) -> tuple[Tensor, Tensor, Tensor]:
    _kernels.check_linear(x, weight)
    (n, k), rows = weight.shape, math.prod(x.shape[:-1])
    words = row_words(k)
    return (
        _like(x, *x.shape[:-1], n),
        _like(x, 2, rows, words, dtype=torch.int64),
        _like(x, n, words, dtype=torch.int64),
    )


@_operator("bnn_engine::binary_linear_input_gradient", mutates_args=(), device_types="cpu")
def linear_input_gradient(dy: Tensor, saved: Tensor, signs: Tensor, k: int) -> Tensor:
    return _kernels.linear_input_gradient(dy, saved, signs, k)


@linear_input_gradient.register_fake
def _(dy: Tensor, saved: Tensor, signs: Tensor, k: int) -> Tensor:
    return _like(dy, *dy.shape[:-1], k)


@_operator("bnn_engine::binary_linear_weight_gradient", mutates_args=(), device_types="cpu")
def linear_weight_gradient(dy: Tensor, saved: Tensor, k: int) -> Tensor:
    return _kernels.linear_weight_gradient(dy, saved, k)


@linear_weight_gradient.register_fake
def _(dy: Tensor, saved: Tensor, k: int) -> Tensor:
    return _like(dy, dy.shape[-1], k)


def _linear_setup(ctx, inputs, output) -> None:
    _, saved, signs = output
    ctx.save_for_backward(saved, signs)
    ctx.k = inputs[1].shape[1]
    ctx.set_materialize_grads(False)


def _linear_backward(ctx, dy, _saved, _signs):
    if dy is None:
        return None, None, None
    saved, signs = ctx.saved_tensors
    dx = linear_input_gradient(dy, saved, signs, ctx.k) if ctx.needs_input_grad[0] else None
    dw = linear_weight_gradient(dy, saved, ctx.k) if ctx.needs_input_grad[1] else None
    return dx, dw, None


linear_saving.register_autograd(_linear_backward, setup_context=_linear_setup)


# A layer of numbers with the sums of a model file.


@_operator("bnn_engine::ordered_linear", mutates_args=(), device_types="cpu")
def ordered_linear(x: Tensor, weight: Tensor) -> Tensor:
    return _kernels.ordered_linear(x, weight)


@ordered_linear.register_fake
def _(x: Tensor, weight: Tensor) -> Tensor:
    _kernels.check_linear(x, weight)
    return _like(x, *x.shape[:-1], weight.shape[0])


def _rows(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[-1])


def _ordered_setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _ordered_backward(ctx, dy):
    x, weight = ctx.saved_tensors
    dx = dy @ weight if ctx.needs_input_grad[0] else None
    dw = _rows(dy).T @ _rows(x) if ctx.needs_input_grad[1] else None
    return dx, dw


ordered_linear.register_autograd(_ordered_backward, setup_context=_ordered_setup)


# Convolutions


@_operator("bnn_engine::binary_conv2d", mutates_args=(), device_types="cpu")
def conv2d(
    x: Tensor, weight: Tensor, stride: list[int], padding: list[int], dilation: list[int], groups: int, pad_value: int
) -> Tensor:
    return _kernels.conv2d(x, weight, _options(stride, padding, dilation, groups, pad_value), None)[0]


@_operator("bnn_engine::binary_conv2d_saving", mutates_args=(), device_types="cpu")
def conv2d_saving(
    x: Tensor,
    weight: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    pad_value: int,
    clip: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return _kernels.conv2d(x, weight, _options(stride, padding, dilation, groups, pad_value), clip)


def _options(stride, padding, dilation, groups, pad_value) -> ConvOptions:
    return ConvOptions(tuple(stride), tuple(padding), tuple(dilation), groups, pad_value)


def _first(x: Tensor, batch: int, channels: int, height: int, width: int) -> Tensor:
    """In the memory format of the operators' outputs."""
    return _like(x, batch, height, width, channels).permute(0, 3, 1, 2)


def _output(x: Tensor, weight: Tensor, stride, padding, dilation) -> Tensor:
    """An empty output. Sizes may be symbols, so the arithmetic is repeated here."""
    _kernels.check_conv2d(x, weight)
    top, bottom, left, right = padding

    def size(axis: int, pads: int) -> int:
        reach = dilation[axis] * (weight.shape[2 + axis] - 1) + 1
        return (x.shape[2 + axis] + pads - reach) // stride[axis] + 1

    return _first(x, x.shape[0], weight.shape[0], size(0, top + bottom), size(1, left + right))


@conv2d.register_fake
def _(x, weight, stride, padding, dilation, groups, pad_value):
    return _output(x, weight, stride, padding, dilation)


@conv2d_saving.register_fake
def _(x, weight, stride, padding, dilation, groups, pad_value, clip):
    patch = weight.shape[1] * weight.shape[2] * weight.shape[3]
    image = x.shape[1] * x.shape[2] * x.shape[3]
    return (
        _output(x, weight, stride, padding, dilation),
        _like(x, 2, x.shape[0], row_words(image), dtype=torch.int64),
        _like(x, weight.shape[0], row_words(patch), dtype=torch.int64),
    )


@_operator("bnn_engine::binary_conv2d_input_gradient", mutates_args=(), device_types="cpu")
def conv2d_input_gradient(
    dy: Tensor,
    saved: Tensor,
    signs: Tensor,
    image: list[int],
    weight: list[int],
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    pad_value: int,
) -> Tensor:
    options = _options(stride, padding, dilation, groups, pad_value)
    return _kernels.conv2d_input_gradient(dy, saved, signs, image, weight, options)


@conv2d_input_gradient.register_fake
def _(dy, saved, signs, image, weight, stride, padding, dilation, groups, pad_value):
    return _first(dy, dy.shape[0], *image)


@_operator("bnn_engine::binary_conv2d_weight_gradient", mutates_args=(), device_types="cpu")
def conv2d_weight_gradient(
    dy: Tensor,
    saved: Tensor,
    image: list[int],
    weight: list[int],
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    pad_value: int,
) -> Tensor:
    options = _options(stride, padding, dilation, groups, pad_value)
    return _kernels.conv2d_weight_gradient(dy, saved, image, weight, options)


@conv2d_weight_gradient.register_fake
def _(dy, saved, image, weight, stride, padding, dilation, groups, pad_value):
    return _first(dy, *weight)


def _conv2d_setup(ctx, inputs, output) -> None:
    x, weight, *ctx.options, _clip = inputs
    _, saved, signs = output
    ctx.save_for_backward(saved, signs)
    ctx.shapes = (list(x.shape[1:]), list(weight.shape))
    ctx.set_materialize_grads(False)


def _conv2d_backward(ctx, dy, _saved, _signs):
    rest = (None,) * 6
    if dy is None:
        return None, None, *rest
    saved, signs = ctx.saved_tensors
    dx = dw = None
    if ctx.needs_input_grad[0]:
        dx = conv2d_input_gradient(dy, saved, signs, *ctx.shapes, *ctx.options)
    if ctx.needs_input_grad[1]:
        dw = conv2d_weight_gradient(dy, saved, *ctx.shapes, *ctx.options)
    return dx, dw, *rest


conv2d_saving.register_autograd(_conv2d_backward, setup_context=_conv2d_setup)
