"""Model files of networks: layers written one after the other, and the file compared with the network.

A file holds products with binary weights, max pools, and thresholds between them; the last product
gives sums or `scale * sum + bias`. What stands between a product and the next sign (bias, batch
norm, `Hardtanh`) never falls, or never rises, as the sum grows, so its sign is a comparison of the
sum with an integer. That integer is found by bisection over what the modules compute.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from .. import _native
from .._files import write_model
from .._meta import escape
from .._native import Error
from ..bits import pack
from ..model import Model
from ._graphs import GraphFile, is_graph
from ._products import INT8, OF_NUMBERS, product_of
from .functional import pair
from .modules import BinaryConv2d, BinaryLinear, _folded

Step = Callable[[Tensor], Tensor]


@dataclass
class _Named:
    """A module's dotted name, for messages."""

    name: str
    module: nn.Module

    def refuse(self, why: str) -> Error:
        return Error(f"layer `{self.name}` ({type(self.module).__name__}) cannot be exported: {why}")


@dataclass
class _Product:
    """A product, and what is done to its sums before their signs are taken."""

    named: _Named
    # -1 and +1: [outputs, elements of a row].
    signs: np.ndarray
    shape: _native.Conv2d | None
    # The largest magnitude of a sum.
    most: int
    # The steps on sums [rows, channels], before the pools and after them.
    before: list[Step] = field(default_factory=list)
    after: list[Step] = field(default_factory=list)
    # Factor and summand of each step; None if it is something else.
    affine: list[tuple[Tensor, Tensor] | None] = field(default_factory=list)
    pools: list[tuple] = field(default_factory=list)
    last: _Named | None = None

    def steps(self, sums: Tensor) -> Tensor:
        """The results of the modules for sums, `[rows, channels]`."""
        for step in self.before + self.after:
            sums = step(sums)
        return sums


class _Layers:
    """Walks over a network in evaluation. A sample goes along, for the sizes."""

    def __init__(self, network: nn.Module, sample: Tensor, input_bits: int) -> None:
        self.x, self.products, self.largest_input = sample, [], (1 << input_bits) - 1
        # [channels, height, width] of images that were flattened since the last product.
        self.flat_from: list[int] | None = None
        if isinstance(network, nn.Sequential):
            self._walk(network, "")
        else:
            self._visit(_Named("network", network))
        if not self.products:
            raise Error("the network has no layer with binary weights")

    def _walk(self, network: nn.Sequential, prefix: str) -> None:
        for name, module in network.named_children():
            if isinstance(module, nn.Sequential):
                self._walk(module, f"{prefix}{name}.")
            else:
                self._visit(_Named(prefix + name, module))

    def _visit(self, named: _Named) -> None:
        module = named.module
        if isinstance(module, (BinaryLinear, BinaryConv2d)):
            self._product(named, module)
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            self._batch_norm(named, module)
        elif isinstance(module, nn.Hardtanh):
            self._step(named, module, None)
        elif isinstance(module, nn.MaxPool2d):
            self._max_pool(named, module)
        elif isinstance(module, nn.Flatten):
            self._flatten(named, module)
        elif not isinstance(module, (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)):
            raise named.refuse(_why_not(module))
        else:
            return
        self.x = module(self.x)

    def _product(self, named: _Named, layer: BinaryLinear | BinaryConv2d) -> None:
        product = product_of(layer, self.x, self.flat_from, self.largest_input, named.refuse)
        if product.takes_numbers and self.products:
            raise named.refuse("it multiplies numbers; only the first layer may, the others take signs")
        signs = np.where(product.weight.numpy() >= 0, np.int8(1), np.int8(-1))
        self.products.append(_Product(named, signs, product.shape, product.most, last=named))
        self.flat_from = None
        if layer.bias is not None:
            bias = layer.bias
            self._step(named, lambda sums: sums + bias, (torch.ones_like(bias), bias))

    def _step(self, named: _Named, step: Step, affine: tuple[Tensor, Tensor] | None) -> None:
        product = self._last_product(named)
        (product.after if product.pools else product.before).append(step)
        product.affine.append(affine)
        product.last = named

    def _batch_norm(self, named: _Named, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        if norm.running_mean is None or norm.running_var is None:
            raise named.refuse("it has no running statistics, expected track_running_stats")
        product, scale_and_bias = self._last_product(named), _folded(norm)
        if norm.num_features != len(product.signs):
            raise named.refuse(
                f"it normalises {norm.num_features} features, the product before it gives "
                f"{len(product.signs)} channels; put it before the Flatten"
            )
        trailing = [1] * (self.x.ndim - 2)

        def step(sums: Tensor) -> Tensor:
            return norm(sums.reshape(*sums.shape, *trailing)).reshape(sums.shape)

        self._step(named, step, scale_and_bias)

    def _max_pool(self, named: _Named, pool: nn.MaxPool2d) -> None:
        product = self._last_product(named)
        if pair("dilation", pool.dilation) != [1, 1] or pool.ceil_mode or pool.return_indices:
            raise named.refuse("expected a dilation of 1, no ceil_mode and no return_indices")
        if product.after:
            raise named.refuse("another pool comes before it with a layer in between; expected pools next to each other")
        _, channels, height, width = self.x.shape
        vertical, horizontal = pair("padding", pool.padding)
        stride = pool.kernel_size if pool.stride is None else pool.stride
        product.pools.append(
            (
                [height, width, channels],
                pair("kernel_size", pool.kernel_size),
                pair("stride", stride),
                [vertical, vertical, horizontal, horizontal],
            )
        )
        product.last = named

    def _flatten(self, named: _Named, flatten: nn.Flatten) -> None:
        if flatten.start_dim != 1 or flatten.end_dim not in (-1, self.x.ndim - 1):
            raise named.refuse("expected start_dim 1 and end_dim -1")
        if self.x.ndim == 4:
            self.flat_from = list(self.x.shape[1:])

    def _last_product(self, named: _Named) -> _Product:
        if not self.products:
            raise named.refuse(
                "it changes the input of the network, which a model file takes as it is; expected a layer of "
                "bnn_engine.torch first"
            )
        return self.products[-1]


def _why_not(module: nn.Module) -> str:
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        return (
            "its weights are real numbers; a network of numbers begins with a SignWeightLinear or "
            "SignWeightConv2d, and goes on with BinaryLinear and BinaryConv2d"
        )
    if isinstance(module, nn.ReLU):
        return (
            "its outputs all have the sign +1; the next layer takes signs, and needs no activation before it"
        )
    if isinstance(module, (nn.Softmax, nn.LogSoftmax)):
        return "a model file gives the scores that it takes; leave it out, the largest stays the largest"
    return "a model file holds nothing of this kind"


def _check_finite(product: _Product, x: Tensor) -> Tensor:
    if not x.isfinite().all():
        raise product.last.refuse("it gives numbers that are not finite; has training diverged?")
    return x


def _hidden(writer: _native.Writer, product: _Product) -> np.ndarray:
    """A product of which the next layer takes the signs. Returns by channel whether the file has the
    opposite signs, which the next layer's weights must undo."""
    n, most = len(product.signs), product.most
    ends = torch.tensor([[-float(most)], [float(most)]]).expand(2, n).contiguous()
    pooled = ends
    for step in product.before:
        pooled = step(pooled)
    falls_before = pooled[1] < pooled[0]
    values = _check_finite(product, product.steps(ends))
    falls = values[1] < values[0]
    # A channel that falls gets the opposite weights, and rises. But a file pools the largest of what it
    # compares: where the pools see a channel rise that falls after them, its bits are stored negated.
    turned = falls_before if product.pools else falls
    negated = falls ^ turned
    direction = torch.where(turned, -1.0, 1.0)
    # Turned sums below `low` do not give a bit of +1, and those from `high` on do.
    low = torch.full((n,), -most, dtype=torch.int64)
    high = torch.full((n,), most + 1, dtype=torch.int64)
    while (low < high).any():
        middle, is_open = (low + high) // 2, low < high
        sums = direction * middle.clamp(-most, most).float()
        plus = (_check_finite(product, product.steps(sums[None]))[0] >= 0) ^ negated
        high = torch.where(is_open & plus, middle, high)
        low = torch.where(is_open & ~plus, middle + 1, low)
    bits = pack(product.signs * direction.numpy().astype(np.int8)[:, None])
    _append(writer, product, bits, thresholds=low.numpy().astype(np.int32))
    return negated.numpy()


def _undo(product: _Product, negated: np.ndarray) -> None:
    """Negates the weights of inputs whose signs the file has the other way around."""
    if not negated.any():
        return
    outputs, elements = product.signs.shape
    groups = getattr(product.named.module, "groups", 1)
    if isinstance(product.named.module, BinaryConv2d) and product.named.module.pad_value != 0:
        raise product.named.refuse("it pads with -1 or +1 after a max pool and a negative factor; expected zeros")
    # An element of a row is of the channel that its place gives, the last index of [taps, channels].
    of_group = negated.reshape(groups, -1)
    by_output = of_group[np.arange(outputs) * groups // outputs]
    taps = elements // by_output.shape[1]
    product.signs = np.where(np.tile(by_output, (1, taps)), -product.signs, product.signs)


def _last(writer: _native.Writer, product: _Product, tolerance: float) -> Tensor:
    """The product that gives the scores. Compares what the file computes with the modules for every sum
    that can occur; returns how far each output may be from the network."""
    n, rows = len(product.signs), max(1, (1 << 20) // len(product.signs))
    if product.pools:
        raise product.last.refuse("a model file ends with a product, not with a pool")
    if not product.affine:
        _append(writer, product, pack(product.signs))
        return torch.zeros(n)
    if None in product.affine:
        raise product.last.refuse("the network ends with it, and a model file gives sums or `scale * sum + bias`")
    scale, bias = (p.double() for p in product.affine[0])
    for factor, summand in product.affine[1:]:
        scale, bias = scale * factor, bias * factor + summand
    scale, bias = (_check_finite(product, p.float().contiguous()) for p in (scale, bias))
    worst, largest = torch.zeros(n), torch.zeros(n)
    for first in range(-product.most, product.most + 1, rows):
        sums = torch.arange(first, min(first + rows, product.most + 1), dtype=torch.float32)
        sums = sums[:, None].expand(-1, n).contiguous()
        scores = _check_finite(product, product.steps(sums))
        worst = torch.maximum(worst, (sums * scale + bias - scores).abs().amax(0))
        largest = torch.maximum(largest, scores.abs().amax(0))
    allowed = largest * tolerance
    if (worst > allowed).any():
        share = (worst / largest).max().item()
        raise product.last.refuse(
            f"its scores are up to {share} of the largest one from those of the file, expected {tolerance} at most "
            "(tolerance). A model file computes `scale * sum + bias`, product and sum rounded each. So does one "
            "bnn_engine.torch.BatchNorm1d after a layer without a bias; PyTorch's batch norm rounds otherwise, and so "
            "do several such layers one after another"
        )
    _append(writer, product, pack(product.signs), affine=(scale.numpy(), bias.numpy()))
    return allowed


def _append(writer: _native.Writer, product: _Product, bits: np.ndarray, **epilogue) -> None:
    try:
        if product.shape is None:
            writer.dense(bits, product.signs.shape[1], **epilogue)
        else:
            writer.conv2d(product.shape, bits, **epilogue)
        for pool in product.pools:
            writer.max_pool2d(*pool)
    except Error as error:
        raise product.named.refuse(str(error)) from error


def _rows(x: Tensor) -> Tensor:
    """`[batch, ..]` with the channels last, in rows."""
    return (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)


def _compare(file: bytes, network: nn.Module, samples: Tensor, is_bytes: bool, input_bits: int, allowed: Tensor) -> None:
    outputs = _rows(network(samples)).float()
    model, x = Model(file), _rows(samples)
    if is_bytes:
        largest = (1 << input_bits) - 1
        wrong = (x != x.round()) | (x < 0) | (x > largest)
        if wrong.any():
            found = x[wrong][0].item()
            raise Error(f"samples: expected integers from 0 to {largest}, which the file takes as bytes (input_bits), found {found}")
        x = x.to(torch.uint8)
    ours = torch.from_numpy(model.run(x.numpy()).reshape(len(samples), -1).astype(np.float32))
    if ours.shape != outputs.shape:
        raise Error(f"the file gives {ours.shape[1]} numbers for a sample, the network {outputs.shape[1]}")
    apart = (ours - outputs).abs()
    differ = (apart > allowed.repeat(ours.shape[1] // len(allowed))).any(1).sum().item()
    if differ:
        raise Error(
            f"file and network differ in {differ} of {len(samples)} samples, by up to {apart.max().item()}; does the "
            "network compute something beside its layers?"
        )


@contextmanager
def _evaluation(network: nn.Module) -> Iterator[None]:
    """Puts a network into evaluation, and back into the modes in which its modules were."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def export(
    network: nn.Module,
    samples: Tensor,
    path: str | os.PathLike[str] | None = None,
    *,
    input_bits: int = 8,
    class_names: Sequence[str] = (),
    meta: dict[str, str] | None = None,
    tolerance: float = 0.0,
    force: bool = False,
) -> bytes:
    """The model file of a trained network, compared with the network on samples.

    network: an `nn.Sequential` (of others) of `BinaryLinear`, `BinaryConv2d`, batch norms, `Hardtanh`,
        `MaxPool2d`, `Flatten`; dropout and identity are left out. It may begin with a
        `SignWeightLinear` or `SignWeightConv2d`, which takes numbers; else signs of the input count.
        A network that has modules of its own with others in them, or an `Int8Conv2d` as its first
        layer or `Int8Linear` anywhere, becomes a graph, if `torch.fx` or `torch.export` can follow
        it: sums, concatenations of channels, `ReLU`, `PReLU`, means, `Linear` and `Conv2d` of
        numbers may be between binary layers then.
    samples: `[batch, features]` or `[batch, channels, height, width]`: inputs of the network, the more
        the better. Numbers must be integers from 0 to `2**input_bits - 1`.
    path: where to write it; a model file there is replaced, whole or not at all.
    class_names, meta: text for people and tools.
    tolerance: how far a score may be from that of the network, as a share of the largest one that its
        output can have (of a graph, that it has on the samples). At 0 scores must be equal, bit for
        bit.
    force: replace at `path` also a file that is no model file, which is an `Error` without it.

    Returns the bytes of the file, of which `Model` gives what the network gives in evaluation.

    Raises `Error` with the layer's name and the reason if a file cannot hold the network, and if file
    and network differ. Nothing is written then.
    """
    if not 1 <= input_bits <= 8:
        raise Error(f"input_bits: expected 1 to 8, found {input_bits}")
    if samples.ndim not in (2, 4) or len(samples) == 0:
        expected = "[batch, features] or [batch, channels, height, width]"
        raise Error(f"samples: expected {expected}, at least one, found the shape {list(samples.shape)}")
    lines = {**(meta or {}), **{f"class.{i}": name for i, name in enumerate(class_names)}}
    for key in lines:
        if not key or any(not c.isprintable() or c in "=\\" for c in key):
            raise Error(f"meta: expected a key of printable characters without `=` and backslash, found {key!r}")
    text = "".join(f"{key}={escape(value)}\n" for key, value in lines.items())
    with _evaluation(network):
        if isinstance(network, INT8):
            network = nn.Sequential(network)
        if is_graph(network):
            graph = GraphFile(network, samples[:1].float(), input_bits)
            file = graph.finish(text)
            allowed = network(samples.float()).abs().amax().reshape(1) * tolerance
            _compare(file, network, samples.float(), graph.is_bytes, input_bits, allowed)
            if path is not None:
                write_model(path, file, force)
            return file
        products = _Layers(network, samples[:1].float(), input_bits).products
        is_bytes = isinstance(products[0].named.module, OF_NUMBERS)
        writer = _native.Writer(input_bits if is_bytes else 0)
        for product, following in zip(products, products[1:]):
            _undo(following, _hidden(writer, product))
        allowed = _last(writer, products[-1], tolerance)
        file = writer.finish(text)
        _compare(file, network, samples.float(), is_bytes, input_bits, allowed)
    if path is not None:
        write_model(path, file, force)
    return file
