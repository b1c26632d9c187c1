"""PyTorch modules and functions that train on packed bits.

`BinaryLinear` and `BinaryConv2d` compute forward on bits, and keep two bits per activation for the
backward pass instead of a `float32`: its sign, and whether the straight-through gradient passes
(`|x| <= clip`; Hubara et al. 2016, arXiv 1602.02830). They work in eager mode, in
`torch.compile(fullgraph=True)` and in `torch.export`.

For `torch.func` (`vmap`, `grad`, `jvp`) and forward mode use `BinaryLinearFunction` and
`BinaryConv2dFunction`: a custom operator, which `torch.compile` needs, has no forward mode, and a
function with one cannot be compiled.

`export` writes a model file of a trained network, and compares the two.

Tensors are `float32` on the CPU, in any strides. Sums are exact as long as they fit a `float32`, up
to 2**24 terms. Gradients with respect to gradients are errors.
"""

try:
    import torch as _torch
except ImportError as error:
    raise ImportError("bnn_engine.torch needs PyTorch: pip install 'bnn-engine[torch]'") from error

from .export import export
from .functional import binary_conv2d, binary_linear, sign
from .functions import BinaryConv2dFunction, BinaryLinearFunction
from .int8 import Int8Conv2d, Int8Linear
from .modules import (
    BatchNorm1d,
    BatchNorm2d,
    BinaryConv2d,
    BinaryEmbedding,
    BinaryLinear,
    SignWeightConv2d,
    SignWeightLinear,
    binary_parameters,
    clamp_weights_,
)
from .optim import Bop, DiodeMix
from .pools import AvgPool2d, GlobalAvgPool2d

__all__ = [
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BinaryConv2d",
    "BinaryConv2dFunction",
    "BinaryEmbedding",
    "BinaryLinear",
    "BinaryLinearFunction",
    "Bop",
    "DiodeMix",
    "GlobalAvgPool2d",
    "Int8Conv2d",
    "Int8Linear",
    "SignWeightConv2d",
    "SignWeightLinear",
    "binary_conv2d",
    "binary_linear",
    "binary_parameters",
    "clamp_weights_",
    "export",
    "sign",
]
