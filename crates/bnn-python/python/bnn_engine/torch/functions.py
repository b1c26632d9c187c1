"""Autograd functions with forward mode, for `torch.func` and `torch.autograd.forward_ad`.

Reverse mode runs on saved bits, as that of the operators does. Forward mode unpacks the same bits
and uses PyTorch's products of floats.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from . import _kernels
from ._gradients import Gradient, LinearInputGradient, LinearWeightGradient, one_by_one
from ._kernels import ConvOptions
from .functional import Pair, conv_options


def _unpacked(bits: Tensor, k: int) -> Tensor:
    """Bits of int64 words `[..., words]` as 0 and 1, `[..., k]`; of operations that all transforms know."""
    each = bits.unsqueeze(-1) >> torch.arange(64) & 1
    return each.flatten(-2)[..., :k].to(torch.float32)


def _signs(bits: Tensor, k: int) -> Tensor:
    return 2 * _unpacked(bits, k) - 1


class _Linear(Function):
    """Outputs, and the bits that the passes need: contexts may keep inputs and outputs alone."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, clip: float):
        return _kernels.linear(x, weight, clip)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, saved, signs = output
        ctx.mark_non_differentiable(saved, signs)
        ctx.save_for_backward(saved, signs)
        ctx.save_for_forward(saved, signs)
        ctx.k, ctx.leading = inputs[1].shape[1], inputs[0].shape[:-1]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, dy, _saved, _signs):
        if dy is None:
            return None, None, None
        saved, signs = ctx.saved_tensors
        dx = LinearInputGradient.apply(dy, saved, signs, ctx.k) if ctx.needs_input_grad[0] else None
        dw = LinearWeightGradient.apply(dy, saved, ctx.k) if ctx.needs_input_grad[1] else None
        return dx, dw, None

    @staticmethod
    def jvp(ctx, dx, dw, _clip):
        saved, signs = ctx.saved_tensors
        dy = None
        if dx is not None:
            passes = _unpacked(saved[1], ctx.k).reshape(*ctx.leading, ctx.k)
            dy = F.linear(dx * passes, _signs(signs, ctx.k))
        if dw is not None:
            of_weight = F.linear(_signs(saved[0], ctx.k).reshape(*ctx.leading, ctx.k), dw)
            dy = of_weight if dy is None else dy + of_weight
        return dy, None, None

    @staticmethod
    def vmap(info, in_dims, x, weight, clip):
        if in_dims[1] is not None:
            return one_by_one(_Linear, info, in_dims, (x, weight, clip))
        # The batch is one more dimension of rows.
        y, saved, signs = _Linear.apply(x.movedim(in_dims[0], 0), weight, clip)
        return (y, saved.unflatten(1, (info.batch_size, -1)), signs), (0, 1, None)


class BinaryLinearFunction:
    """`sign(x) @ sign(weight).T` as an autograd function with reverse and forward mode."""

    @staticmethod
    def apply(x: Tensor, weight: Tensor, clip: float = 1.0) -> Tensor:
        """Computes what `binary_linear` does, without a bias."""
        return _Linear.apply(x, weight, clip)[0]


class _Shapes:
    """The shapes of a convolution. (No tuple: transforms look for tensors in tuples.)"""

    def __init__(self, x: Tensor, weight: Tensor, options: ConvOptions) -> None:
        self.image, self.weight, self.options = list(x.shape[1:]), list(weight.shape), options

    def float_conv2d(self, x: Tensor, weight: Tensor, pad_value: float) -> Tensor:
        stride, (top, bottom, left, right), dilation, groups, _ = self.options
        x = F.pad(x, (left, right, top, bottom), value=pad_value)
        return F.conv2d(x, weight, None, stride, 0, dilation, groups)

    def first(self, elements: Tensor, shape: list[int]) -> Tensor:
        """Rows of elements with the channels last, as images with the channels first."""
        channels, height, width = shape
        return elements.unflatten(-1, (height, width, channels)).movedim(-1, -3)


class _Conv2dInputGradient(Gradient):
    @staticmethod
    def forward(dy: Tensor, saved: Tensor, signs: Tensor, shapes: _Shapes) -> Tensor:
        return _kernels.conv2d_input_gradient(dy, saved, signs, shapes.image, shapes.weight, shapes.options)

    @staticmethod
    def vmap(info, in_dims, *args):
        return one_by_one(_Conv2dInputGradient, info, in_dims, args)


class _Conv2dWeightGradient(Gradient):
    @staticmethod
    def forward(dy: Tensor, saved: Tensor, shapes: _Shapes) -> Tensor:
        return _kernels.conv2d_weight_gradient(dy, saved, shapes.image, shapes.weight, shapes.options)

    @staticmethod
    def vmap(info, in_dims, *args):
        return one_by_one(_Conv2dWeightGradient, info, in_dims, args)


class _Conv2d(Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, shapes: _Shapes, clip: float):
        return _kernels.conv2d(x, weight, shapes.options, clip)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, saved, signs = output
        ctx.mark_non_differentiable(saved, signs)
        ctx.save_for_backward(saved, signs)
        ctx.save_for_forward(saved, signs)
        ctx.shapes = inputs[2]
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx, dy, _saved, _signs):
        if dy is None:
            return None, None, None, None
        saved, signs = ctx.saved_tensors
        dx = _Conv2dInputGradient.apply(dy, saved, signs, ctx.shapes) if ctx.needs_input_grad[0] else None
        dw = _Conv2dWeightGradient.apply(dy, saved, ctx.shapes) if ctx.needs_input_grad[1] else None
        return dx, dw, None, None

    @staticmethod
    def jvp(ctx, dx, dw, _shapes, _clip):
        (saved, signs), shapes = ctx.saved_tensors, ctx.shapes
        image, patch = math.prod(shapes.image), math.prod(shapes.weight[1:])
        dy = None
        if dx is not None:
            passes = shapes.first(_unpacked(saved[1], image), shapes.image)
            signs = shapes.first(_signs(signs, patch), shapes.weight[1:])
            # Padding is constant, so its tangent is 0.
            dy = shapes.float_conv2d(dx * passes, signs, 0.0)
        if dw is not None:
            x = shapes.first(_signs(saved[0], image), shapes.image)
            of_weight = shapes.float_conv2d(x, dw, shapes.options.pad_value)
            dy = of_weight if dy is None else dy + of_weight
        return dy, None, None

    @staticmethod
    def vmap(info, in_dims, x, weight, shapes, clip):
        if in_dims[1] is not None:
            return one_by_one(_Conv2d, info, in_dims, (x, weight, shapes, clip))
        y, saved, signs = _Conv2d.apply(x.movedim(in_dims[0], 0).flatten(0, 1), weight, shapes, clip)
        batch = (info.batch_size, -1)
        return (y.unflatten(0, batch), saved.unflatten(1, batch), signs), (0, 1, None)


class BinaryConv2dFunction:
    """The convolution of signs as an autograd function with reverse and forward mode."""

    @staticmethod
    def apply(
        x: Tensor,
        weight: Tensor,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        pad_value: int = 0,
        clip: float = 1.0,
    ) -> Tensor:
        """Computes what `binary_conv2d` does, without a bias."""
        options = conv_options(weight, stride, padding, dilation, groups, pad_value)
        return _Conv2d.apply(x, weight, _Shapes(x, weight, options), clip)[0]
