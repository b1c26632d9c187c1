"""Means that evaluate as model files do."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .functional import Pair, pair


class AvgPool2d(nn.AvgPool2d):
    """`torch.nn.AvgPool2d` of the pixels inside the image. In evaluation it computes as model files
    do: a sum takes the pixels of its window row by row, each sum rounded, and is divided by their
    number. PyTorch's own adds in another order."""

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        super().__init__(kernel_size, stride, padding, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = pair("kernel_size", self.kernel_size), pair("stride", self.stride)
        padding = pair("padding", self.padding)
        fits = all(2 * p <= k <= size + 2 * p for size, k, p in zip(x.shape[-2:], kernel, padding))
        if self.training or not fits:
            return super().forward(x)
        return _mean(x, kernel, stride, padding)


class GlobalAvgPool2d(nn.AdaptiveAvgPool2d):
    """The mean of each channel, `[batch, channels, 1, 1]`, which evaluates as `AvgPool2d` does."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return super().forward(x)
        return _mean(x, list(x.shape[-2:]), [1, 1], [0, 0])


def _mean(x: Tensor, kernel: list[int], stride: list[int], padding: list[int]) -> Tensor:
    sizes = list(zip(x.shape[-2:], kernel, stride, padding))
    height, width = ((size + 2 * p - k) // s + 1 for size, k, s, p in sizes)
    # A sum begins with +0, to which the zeros around the image add nothing.
    padded = nn.functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    sums = x.new_zeros(*x.shape[:-2], height, width)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            rows = slice(row, row + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(column, column + (width - 1) * stride[1] + 1, stride[1])
            sums = sums + padded[..., rows, columns]
    vertical, horizontal = (_inside(x, *each, outputs) for each, outputs in zip(sizes, (height, width)))
    return sums / (vertical[:, None] * horizontal)


def _inside(x: Tensor, size: int, kernel: int, stride: int, padding: int, outputs: int) -> Tensor:
    """How many pixels of each window are inside the image, along one side of it."""
    first = torch.arange(outputs, device=x.device) * stride - padding
    return ((first + kernel).clamp(max=size) - first.clamp(min=0)).to(x.dtype)
