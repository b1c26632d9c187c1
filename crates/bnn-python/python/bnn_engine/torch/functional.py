"""Functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .._native import Error
from . import _eager, _kernels, _operators
from ._kernels import ConvOptions

Pair = int | Sequence[int]


def _needs_gradient(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def binary_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, clip: float = 1.0) -> Tensor:
    """`sign(x) @ sign(weight).T + bias`, computed on bits.

    x: `[..., k]`; weight: latent weights `[n, k]`; bias: `[n]`; all `float32` on the CPU.
    clip: the gradient of `x` passes where `|x| <= clip`; that of `weight` passes everywhere (keep
        latent weights in range with `clamp_weights_`).

    Returns `[..., n]`: sums are exact up to 2**24 terms.

    Raises `Error` for shapes that do not fit, `TypeError` for another dtype.
    """
    if _eager.is_plain(x, weight):
        needs = (x.requires_grad or weight.requires_grad) and torch.is_grad_enabled()
        y = _eager.Linear.apply(x, weight, clip) if needs else _eager.linear(x, weight)
    elif _needs_gradient(x, weight):
        y = _operators.linear_saving(x, weight, clip)[0]
    else:
        y = _operators.linear(x, weight)
    return y if bias is None else y + bias


def pair(what: str, x: Pair) -> list[int]:
    """Two numbers, or one for both."""
    values = [x, x] if isinstance(x, int) else list(x)
    if len(values) != 2:
        raise Error(f"{what}: expected one number or two, found {len(values)}")
    return values


def pads(padding: Pair | str, kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """Rows above and below, columns to the left and right, as `torch.nn.functional.conv2d` pads."""
    if padding == "valid":
        return [0, 0, 0, 0]
    if padding == "same":
        totals = [d * (k - 1) for k, d in zip(kernel, dilation)]
        return [side for total in totals for side in (total // 2, total - total // 2)]
    if isinstance(padding, str):
        raise Error(f"padding: expected 'valid', 'same' or numbers, found {padding!r}")
    values = list(padding) if not isinstance(padding, int) else []
    if len(values) == 4:
        return values
    vertical, horizontal = pair("padding", padding)
    return [vertical, vertical, horizontal, horizontal]


def conv_options(
    weight: Tensor,
    stride: Pair,
    padding: Pair | str,
    dilation: Pair,
    groups: int,
    pad_value: int,
) -> ConvOptions:
    """How the windows of a weight slide, from arguments as `binary_conv2d` takes them."""
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    if padding == "same" and stride != [1, 1]:
        raise Error(f"padding 'same': expected a stride of 1, found {stride}")
    sides = pads(padding, weight.shape[2:], dilation)
    return ConvOptions(tuple(stride), tuple(sides), tuple(dilation), groups, pad_value)


def binary_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
    *,
    pad_value: int = 0,
    clip: float = 1.0,
) -> Tensor:
    """The convolution of `sign(x)` with `sign(weight)`, plus bias, computed on bits.

    x: `[batch, channels, height, width]`; weight: latent weights `[outputs, channels / groups,
        kernel height, kernel width]`; bias: `[outputs]`; all `float32` on the CPU. No copy is made
        of inputs in the memory format `torch.channels_last`.
    stride, dilation, groups: as `torch.nn.functional.conv2d` has them.
    padding: a number, two of them (vertical and horizontal), four (top, bottom, left, right),
        "valid", or "same" (with a stride of 1).
    pad_value: 0 (true zeros, which add nothing to a sum), 1 or -1.
    clip: as in `binary_linear`.

    Returns `[batch, outputs, height, width]` in the memory format `torch.channels_last`.

    Raises `Error` for shapes that do not fit, `TypeError` for another dtype.
    """
    _kernels.check_conv2d(x, weight)
    options = conv_options(weight, stride, padding, dilation, groups, pad_value)
    if _needs_gradient(x, weight):
        y = _operators.conv2d_saving(x, weight, *options, clip)[0]
    else:
        y = _operators.conv2d(x, weight, *options)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


class _Sign(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, _clip: float) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, clip = inputs
        passes = x.abs() <= clip
        ctx.save_for_backward(passes)
        ctx.save_for_forward(passes)

    @staticmethod
    def backward(ctx, dy: Tensor):
        (passes,) = ctx.saved_tensors
        return dy * passes, None

    @staticmethod
    def jvp(ctx, dx: Tensor, _clip):
        (passes,) = ctx.saved_tensors
        return dx * passes


def sign(x: Tensor, clip: float = 1.0) -> Tensor:
    """+1 where `x >= 0`, else -1 (so +1 for -0.0, and -1 for NaN), with the straight-through gradient:
    it passes where `|x| <= clip`. Any shape, floating-point dtype and device.

    `torch.sign` is another function: its sign of 0 is 0.
    """
    return _Sign.apply(x, clip)
