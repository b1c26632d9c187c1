"""Binary layers as products of model files: their shapes, and their weights in the order of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from .. import _native
from .._native import Error
from .functional import pads
from .int8 import Int8Conv2d, Int8Linear
from .modules import BinaryConv2d, BinaryLinear, SignWeightConv2d, SignWeightLinear

# The layers with weights of 8 bits, which only graphs hold.
INT8 = (Int8Linear, Int8Conv2d)
# The layers that multiply numbers; the other ones of this package take signs.
OF_NUMBERS = (SignWeightLinear, SignWeightConv2d, *INT8)

# Up to this sum floats are exact.
_MOST = 1 << 24


def check_exact(most: int, refuse: Callable[[str], Error]) -> None:
    """Refuses sums of integers of a magnitude up to `most` that are not exact."""
    if most > _MOST:
        raise refuse("its sums can exceed 2**24, up to which floats are exact")


@dataclass(frozen=True)
class LayerProduct:
    """What a binary layer multiplies with."""

    # [outputs, elements of a row].
    weight: Tensor
    # `None` for rows that are no flattened images.
    shape: _native.Conv2d | None
    takes_numbers: bool
    # The largest magnitude of a sum.
    most: int


def product_of(
    layer: BinaryLinear | BinaryConv2d,
    x: Tensor,
    flat_from: tuple[int, int, int] | None,
    largest_input: int,
    refuse: Callable[[str], Error],
) -> LayerProduct:
    """The product of `layer`, whose input is of the shape of `x`. `flat_from` is `[channels, height,
    width]` of images that were flattened before; `refuse` makes an error of a reason."""
    if isinstance(layer, BinaryLinear):
        weight, shape = _linear(layer, x, flat_from, refuse)
    else:
        weight, shape = _conv2d(layer, x, refuse)
    if not weight.isfinite().all():
        raise refuse("it has weights that are not finite")
    takes_numbers = isinstance(layer, OF_NUMBERS)
    most = weight.shape[1] * (largest_input if takes_numbers else 1)
    check_exact(most, refuse)
    return LayerProduct(weight.detach(), shape, takes_numbers, most)


def _linear(
    layer: BinaryLinear, x: Tensor, flat_from: tuple[int, int, int] | None, refuse: Callable[[str], Error]
) -> tuple[Tensor, _native.Conv2d | None]:
    if x.ndim != 2:
        raise refuse("it takes rows; expected a Flatten before it")
    if flat_from is None:
        return layer.weight, None
    # PyTorch flattens [channels, height, width], a model file [height, width, channels].
    weight = layer.weight.unflatten(1, flat_from).permute(0, 2, 3, 1).flatten(1)
    # A dense layer on an image is a convolution with a kernel as large as the image.
    channels, height, width = flat_from
    return weight, _native.Conv2d([height, width, channels], len(weight), [height, width])


def _conv2d(layer: BinaryConv2d, x: Tensor, refuse: Callable[[str], Error]) -> tuple[Tensor, _native.Conv2d]:
    if x.ndim != 4:
        raise refuse("it takes images; expected [batch, channels, height, width]")
    _, channels, height, width = x.shape
    shape = _native.Conv2d(
        [height, width, channels],
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.dilation,
        layer.groups,
        pads(layer.padding, layer.kernel_size, layer.dilation),
        layer.pad_value,
    )
    return layer.weight.permute(0, 2, 3, 1).flatten(1), shape
