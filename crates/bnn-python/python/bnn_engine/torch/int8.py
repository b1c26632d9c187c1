"""Layers with weights of 8 bits: the stem and the head of networks whose hidden layers are binary."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import _operators

# The largest magnitude of a weight; -128 is left out, so that weights are symmetric.
_MOST = 127


def int8_weights(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Integers from -127 to 127, as floats in the shape of `weight`, and the scales of the outputs
    (the first dimension), `[outputs]`: `weight` is near `integer * scale`.

    The scale is the greatest magnitude of the output divided by 127, or 1 where all are 0, and the
    integer `weight / scale`, rounded with halves to even. The gradient passes straight through the
    rounding, and the scale is a constant (Jacob et al. 2018, arXiv 1712.05877; Bengio et al. 2013,
    arXiv 1308.3432).
    """
    with torch.no_grad():
        rows = weight.flatten(1)
        scales = torch.where(rows.isnan(), 0.0, rows.abs()).amax(1) / _MOST
        # Also of weights so small that the quotient is 0.
        scales = torch.where(scales > 0, scales, 1.0)
    quotients = weight / scales.reshape(-1, *[1] * (weight.ndim - 1))
    integers = quotients.round().clamp(-_MOST, _MOST)
    # The difference is exact, and so is the sum.
    return quotients + (integers - quotients).detach(), scales


class Int8Linear(nn.Linear):
    """`y = scale * (x @ q.T) + bias` with integers `q` of 8 bits and a scale for each output, which
    `int8_weights` makes of the weight: a head, or a first layer of numbers.

    Weight and bias have the shapes of `torch.nn.Linear`. Inputs are numbers, not their signs. In
    evaluation, on the CPU in `float32`, a sum takes the products in the order of a row, as model
    files do; of integers it is exact up to 2**24.
    """

    def reset_parameters(self) -> None:
        """Uniform weights (Glorot and Bengio 2010), and a bias of 0."""
        _reset(self)

    def forward(self, x: Tensor) -> Tensor:
        integers, scales = int8_weights(self.weight)
        if self.training or not x.is_cpu or x.dtype != torch.float32:
            y = nn.functional.linear(x, integers) * scales
        else:
            y = _operators.ordered_linear(x, integers) * scales
        return y if self.bias is None else y + self.bias


class Int8Conv2d(nn.Conv2d):
    """The convolution with integers of 8 bits, times a scale for each output, plus bias: a stem.

    Weight and bias have the shapes of `torch.nn.Conv2d`; integers and scales are those of
    `Int8Linear`. Sums of integers are exact up to 2**24, which those of bytes and of filters of 518
    elements never exceed. A model file takes the numbers as bytes, and pads with zeros.
    """

    def reset_parameters(self) -> None:
        """Uniform weights (Glorot and Bengio 2010), and a bias of 0."""
        _reset(self)

    def forward(self, x: Tensor) -> Tensor:
        integers, scales = int8_weights(self.weight)
        y = self._conv_forward(x, integers, None) * scales.reshape(-1, 1, 1)
        return y if self.bias is None else y + self.bias.reshape(-1, 1, 1)


def _reset(layer: nn.Linear | nn.Conv2d) -> None:
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
