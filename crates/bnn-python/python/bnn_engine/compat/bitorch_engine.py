"""What bitorch-engine has for binary layers on CPUs, on this engine: the same names, arguments and
packed weights, with gradients.

Its layers, for code that uses them: `BinaryLinearForward`, `BinaryLinearCPP`, `BinaryConv2dForward`,
`BinaryConv2dCPP`, `BinaryEmbeddingBag`, `prepare_bie_layers`, `pack_bie_layers`. To keep its own
Python layers and replace only its compiled extensions, call `install_extensions()` before
bitorch_engine is imported; to replace its layers for CPUs by those here, `install_layers()`.

Two layouts of packed weights, bytes of eight signs each, least significant first, bit 1 is +1:
of linear layers `[k / 8][n]` (`pack_linear`, `unpack_linear`), of convolutions filter after filter
in the order of `weight.flatten()`.

It differs in that any `k` works for latent weights; that gradients exist, by the straight-through
estimator; and that weights of `BinaryEmbeddingBag` are latent floats, which PyTorch can train. As
there, padding of a convolution is -1.
"""

from __future__ import annotations

import math
import sys
import types

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

from .._native import Error
from ..bits import pack, unpack
from ..torch import _kernels
from ..torch._kernels import ConvOptions
from ..torch.functional import sign

__all__ = [
    "BinaryConv2dCPP",
    "BinaryConv2dForward",
    "BinaryEmbeddingBag",
    "BinaryLinearCPP",
    "BinaryLinearForward",
    "install_extensions",
    "install_layers",
    "pack_bie_layers",
    "pack_linear",
    "pack_rows",
    "prepare_bie_layers",
    "unpack_linear",
    "unpack_rows",
]

# Where gradients pass: as in `torch.nn.Hardtanh` before a sign.
_CLIP = 1.0


def _bytes_of(k: int) -> int:
    if k % 8 != 0:
        raise Error(f"packed weights: expected rows of a multiple of 8 elements, found {k}")
    return k // 8


def _packed(x: Tensor, k: int) -> Tensor:
    """Rows `[.., k]` as bytes `[rows, k / 8]`."""
    rows = x.detach().reshape(-1, k).numpy()
    return torch.from_numpy(pack(rows).view("uint8")[:, : _bytes_of(k)].copy())


def _unpacked(rows: Tensor, k: int) -> Tensor:
    """Bytes `[rows, k / 8]` as floats `[rows, k]`."""
    words = F.pad(rows, (0, -rows.shape[1] % 8)).contiguous().numpy().view("uint64")
    return torch.from_numpy(unpack(words, k))


def pack_linear(weight: Tensor, n: int | None = None, k: int | None = None) -> Tensor:
    """The signs of a weight `[n, k]` as bytes `[k / 8][n]`, flat."""
    n, k = weight.shape[0] if n is None else n, weight.shape[1] if k is None else k
    return _packed(weight, k).reshape(n, -1).t().contiguous().reshape(-1)


def unpack_linear(qweight: Tensor, n: int, k: int) -> Tensor:
    """The signs in bytes `[k / 8][n]` as floats `[n, k]`."""
    return _unpacked(qweight.detach().reshape(_bytes_of(k), n).t().contiguous(), k)


def pack_rows(x: Tensor) -> Tensor:
    """The signs of all elements in their order, as bytes."""
    return _packed(x, x.numel()).reshape(-1)


def unpack_rows(packed: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The signs in bytes, as floats of a shape."""
    return _unpacked(packed.detach().reshape(1, -1), math.prod(shape)).reshape(shape)


def _is_packed(x: Tensor, elements: int) -> bool:
    return x.dtype == torch.uint8 and x.numel() * 8 == elements


class BinaryLinearForward(Function):
    """`sign(input) @ sign(weights).T`.

    input: `[.., k]` floats, or bytes `[.., k / 8]`; weights: latent `[n, k]`, or `pack_linear` of them;
    m: rows (the product of the leading dimensions); n: outputs; k: inputs.

    Returns `[.., n]`. Gradients reach floats: the input's where `|x| <= 1`, the latent weights'
    everywhere.
    """

    @staticmethod
    def forward(ctx, input: Tensor, weights: Tensor, m: int, n: int, k: int) -> Tensor:
        leading = input.shape[:-1]
        if _is_packed(input, m * k):
            input = _unpacked(input.reshape(m, -1), k)
        rows = input.reshape(-1, k)
        if rows.shape[0] != m:
            raise Error(f"m: expected {rows.shape[0]}, the rows of the input, found {m}")
        if _is_packed(weights, n * k):
            weights = unpack_linear(weights, n, k)
        if weights.shape != (n, k):
            raise Error(f"weights: expected {[n, k]}, or {n * k // 8} bytes, found {list(weights.shape)} of {weights.dtype}")
        y, saved, signs = _kernels.linear(rows.float(), weights.float(), _CLIP)
        ctx.save_for_backward(saved, signs)
        ctx.k, ctx.shape = k, input.shape
        return y.reshape(*leading, n)

    @staticmethod
    def backward(ctx, dy: Tensor):
        saved, signs = ctx.saved_tensors
        dy, dx, dw = dy.reshape(-1, dy.shape[-1]).float(), None, None
        if ctx.needs_input_grad[0]:
            dx = _kernels.linear_input_gradient(dy, saved, signs, ctx.k).reshape(ctx.shape)
        if ctx.needs_input_grad[1]:
            dw = _kernels.linear_weight_gradient(dy, saved, ctx.k)
        return dx, dw, None, None, None


class BinaryConv2dForward(Function):
    """The convolution of signs, with square kernels; padding is -1.

    activations: `[batch, channels, height, width]`; weights: latent `[m, channels, kernel_size,
    kernel_size]`, or `pack_rows` of them; m: outputs; n: pixels of an output; k: elements of a filter.
    """

    @staticmethod
    def forward(
        ctx,
        activations: Tensor,
        weights: Tensor,
        m: int,
        n: int,
        k: int,
        kernel_size: int,
        stride: int,
        padding: int,
        dilation: int,
        output_edge: int,
    ) -> Tensor:
        channels = activations.shape[1]
        filters = (m, channels, kernel_size, kernel_size)
        if _is_packed(weights, math.prod(filters)):
            weights = unpack_rows(weights, filters)
        options = ConvOptions((stride, stride), (padding,) * 4, (dilation, dilation), 1, -1)
        y, saved, signs = _kernels.conv2d(activations.float(), weights.float().reshape(filters), options, _CLIP)
        if y.shape[2] < output_edge or y.shape[3] < output_edge:
            raise Error(f"output_edge: expected at most {min(y.shape[2:])}, found {output_edge}")
        ctx.save_for_backward(saved, signs)
        ctx.shapes, ctx.edges = (list(activations.shape[1:]), list(filters), options), y.shape[2:]
        return y[:, :, :output_edge, :output_edge]

    @staticmethod
    def backward(ctx, dy: Tensor):
        saved, signs = ctx.saved_tensors
        height, width = ctx.edges
        dy = F.pad(dy.float(), (0, width - dy.shape[3], 0, height - dy.shape[2]))
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = _kernels.conv2d_input_gradient(dy, saved, signs, *ctx.shapes)
        if ctx.needs_input_grad[1]:
            dw = _kernels.conv2d_weight_gradient(dy, saved, *ctx.shapes)
        return dx, dw, *(None,) * 8


class _Layer(nn.Module):
    """A layer with a latent weight for training and a packed one for evaluation."""

    weight: nn.Parameter | None

    def __init__(self) -> None:
        super().__init__()
        self.bits_binary_word = 8
        self.qweight: Tensor | None = None

    def set_weight_data(self, x: Tensor) -> None:
        """Takes a latent weight."""
        self.weight = nn.Parameter(x)

    def set_quantized_weight_data(self, x: Tensor) -> None:
        """Takes a packed weight."""
        self.qweight = nn.Parameter(x, requires_grad=False)

    def prepare_params(self) -> None:
        """Nothing is to be prepared."""

    def generate_quantized_weight(self, qweight_only: bool = False) -> None:
        """Packs the weight; with `qweight_only` the latent one is dropped."""
        self.set_quantized_weight_data(self._pack(self.weight))
        if qweight_only:
            self.weight = None

    @property
    def opt_weight(self) -> Tensor:
        """The latent weight in training, the packed one in evaluation."""
        if not self.training and self.qweight is None:
            self.generate_quantized_weight()
        return self.weight if self.training and self.weight is not None else self.qweight

    def _pack(self, weight: Tensor) -> Tensor:
        raise NotImplementedError


class BinaryLinearCPP(_Layer):
    """`sign(x) @ sign(weight).T`; see `BinaryLinearForward`."""

    def __init__(self, input_features: int, out_features: int, device: torch.device | None = None) -> None:
        super().__init__()
        self.input_features, self.output_features = input_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, input_features, device=device))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def _pack(self, weight: Tensor) -> Tensor:
        return pack_linear(weight, self.output_features, self.input_features)

    def forward(self, x: Tensor) -> Tensor:
        return BinaryLinearForward.apply(
            x, self.opt_weight, math.prod(x.shape[:-1]), self.output_features, self.input_features
        )


class BinaryConv2dCPP(_Layer):
    """The convolution of signs; see `BinaryConv2dForward`."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def _pack(self, weight: Tensor) -> Tensor:
        return pack_rows(weight)

    def forward(self, x: Tensor) -> Tensor:
        window = self.dilation * (self.kernel_size - 1) + 1
        edge = (x.shape[2] - window + 2 * self.padding) // self.stride + 1
        elements = self.in_channels * self.kernel_size**2
        windows = (self.kernel_size, self.stride, self.padding, self.dilation, edge)
        return BinaryConv2dForward.apply(x, self.opt_weight, self.out_channels, edge * edge, elements, *windows)


class BinaryEmbeddingBag(nn.Module):
    """The majority of the signs of the embeddings in a bag, +1 where it is a tie.

    Indices are `[batch, length]`, outputs `[batch, embedding_dim]`. The weight is latent: gradients
    pass the majority, and reach the embeddings of the bag.
    """

    def __init__(self, *, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise Error(f"padding_idx: expected one of {num_embeddings} embeddings, found {padding_idx}")
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = nn.Parameter(torch.empty(num_embeddings, embedding_dim).uniform_(-1.0, 1.0))
        if self.padding_idx is not None:
            with torch.no_grad():
                self.weight[self.padding_idx] = -1.0

    def forward(self, input: Tensor) -> Tensor:
        signs = sign(F.embedding(input, self.weight, self.padding_idx), math.inf)
        return sign(signs.sum(dim=1), math.inf)


def prepare_bie_layers(model: nn.Module, layers: list[type] | None = None) -> None:
    """Calls `prepare_params` of all layers of these types inside a model, by default of those here."""
    for module in list(model.modules())[1:]:
        if isinstance(module, tuple(layers or (_Layer,))):
            module.prepare_params()


def pack_bie_layers(model: nn.Module, qweight_only: bool = True, layers: list[type] | None = None) -> None:
    """Packs the weights of all layers of these types inside a model, by default of those here."""
    for module in list(model.modules())[1:]:
        if isinstance(module, tuple(layers or (_Layer,))):
            module.generate_quantized_weight(qweight_only=qweight_only)


def install_extensions() -> None:
    """Takes the place of bitorch_engine's compiled extensions for CPUs. Its Python layers then run on
    this engine."""
    linear, conv = (types.ModuleType(f"bitorch_engine.extensions.binary_{name}_cpp") for name in ("linear", "conv"))
    linear.forward, linear.w_pack = BinaryLinearForward.apply, pack_linear
    conv.forward = BinaryConv2dForward.apply
    sys.modules.update({module.__name__: module for module in (linear, conv)})


def install_layers() -> None:
    """Takes the place of bitorch_engine's layers for CPUs."""
    layers = {
        "qlinear": (BinaryLinearCPP, BinaryLinearForward),
        "qconv": (BinaryConv2dCPP, BinaryConv2dForward),
    }
    for kind, classes in layers.items():
        module = types.ModuleType(f"bitorch_engine.layers.{kind}.binary.cpp")
        for each in classes:
            setattr(module, each.__name__, each)
        sys.modules[module.__name__] = module
