"""Layers with latent weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .._native import Error
from .functional import Pair, binary_conv2d, binary_linear, pads, pair, sign


class _Latent(nn.Module):
    """A layer with latent weights, of which the signs compute."""

    weight: nn.Parameter
    bias: nn.Parameter | None

    def _make(self, shape: tuple[int, ...], outputs: int, bias: bool, device, dtype) -> None:
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = nn.Parameter(torch.empty(outputs, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform latent weights (Glorot and Bengio 2010) within (-1, 1), and a bias of 0."""
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class BinaryLinear(_Latent):
    """`y = sign(x) @ sign(weight).T + bias`, as `binary_linear` computes it.

    Weight and bias have the shapes of `torch.nn.Linear`, `[out_features, in_features]` and
    `[out_features]`; the weight is latent. Inputs are `[..., in_features]`.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, clip: float = 1.0, device=None, dtype=None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, self.clip = in_features, out_features, clip
        self._make((out_features, in_features), out_features, bias, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return binary_linear(x, self.weight, self.bias, clip=self.clip)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, clip={self.clip}"


class BinaryConv2d(_Latent):
    """The convolution of signs, as `binary_conv2d` computes it.

    Weight and bias have the shapes of `torch.nn.Conv2d`; the weight is latent.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        pad_value: int = 0,
        clip: float = 1.0,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        kernel = pair("kernel_size", kernel_size)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel
        self.stride, self.dilation = pair("stride", stride), pair("dilation", dilation)
        pads(padding, kernel, self.dilation)  # refuses what is no padding
        self.padding, self.groups, self.pad_value, self.clip = padding, groups, pad_value, clip
        self._make((out_channels, in_channels // groups, *kernel), out_channels, bias, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return binary_conv2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            pad_value=self.pad_value,
            clip=self.clip,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding!r}, dilation={self.dilation}, groups={self.groups}, bias={self.bias is not None}, "
            f"pad_value={self.pad_value}, clip={self.clip}"
        )


class SignWeightLinear(BinaryLinear):
    """`y = x @ sign(weight).T + bias`: a first layer, which multiplies numbers instead of their signs.

    Computed by PyTorch's products of floats, whose sums of integers are exact up to 2**24. A model
    file takes the numbers as bytes.
    """

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, sign(self.weight, math.inf), self.bias)


class SignWeightConv2d(BinaryConv2d):
    """The convolution of numbers with `sign(weight)`, plus bias: a first layer.

    Computed by PyTorch's convolution of floats. A model file takes the numbers as bytes, and pads
    with zeros.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.pad_value != 0:
            raise Error(f"pad_value of a layer that multiplies numbers: expected 0, found {self.pad_value}")
        top, bottom, left, right = pads(self.padding, self.kernel_size, self.dilation)
        x = nn.functional.pad(x, (left, right, top, bottom))
        weight = sign(self.weight, math.inf)
        return nn.functional.conv2d(x, weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _folded(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The factor and the summand of each channel in evaluation, each operation rounded."""
    root = (norm.running_var + norm.eps).sqrt()
    scale = root.reciprocal() if norm.weight is None else norm.weight / root
    shift = norm.running_mean * scale
    return scale, -shift if norm.bias is None else norm.bias - shift


def _evaluate(norm: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    scale, bias = (p.reshape(-1, *[1] * (x.ndim - 2)) for p in _folded(norm))
    return x * scale + bias


class BatchNorm1d(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` that evaluates as model files do, `scale * x + bias`, product and sum
    rounded each. PyTorch's own rounds otherwise on each CPU, which matters after the last layer."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training or not self.track_running_stats:
            return super().forward(x)
        return _evaluate(self, x)


class BatchNorm2d(nn.BatchNorm2d):
    """The `BatchNorm1d` of images."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training or not self.track_running_stats:
            return super().forward(x)
        return _evaluate(self, x)


class BinaryEmbedding(nn.Module):
    """Rows of signs: `sign(weight[index])`, `[..., embedding_dim]`, of latent weights
    `[num_embeddings, embedding_dim]`."""

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, clip: float = math.inf, device=None, dtype=None
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.clip = num_embeddings, embedding_dim, clip
        self.weight = nn.Parameter(torch.empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
        nn.init.uniform_(self.weight, -1.0, 1.0)

    def forward(self, index: Tensor) -> Tensor:
        return sign(nn.functional.embedding(index, self.weight), self.clip)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, clip={self.clip}"


def binary_parameters(module: nn.Module) -> Iterator[nn.Parameter]:
    """The latent weights of all binary layers in a module, each once."""
    seen = set()
    for layer in module.modules():
        if isinstance(layer, (_Latent, BinaryEmbedding)) and layer.weight not in seen:
            seen.add(layer.weight)
            yield layer.weight


def clamp_weights_(module: nn.Module, bound: float = 1.0) -> None:
    """Clamps the latent weights of all binary layers to `[-bound, bound]`, in place.

    Call it after each optimizer step: a latent weight far outside takes long to change its sign.
    Not needed with `Bop` and `DiodeMix`.
    """
    with torch.no_grad():
        for weight in binary_parameters(module):
            weight.clamp_(-bound, bound)
