"""Networks with branches, as graphs in model files.

`torch.fx` records what the network calls, with the layers of `torch.nn` and of this package as they
are; `torch.export` does where `torch.fx` cannot. Each call becomes a node of the graph. Binary
layers take the signs of numbers, so that a sign comes before them; everything between them is
computed in `float32`, rounded as PyTorch rounds it where that computes element by element.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, fx, nn

from .. import _native
from .._native import Error
from ..bits import pack
from ._exported import calls_of
from ._products import INT8, OF_NUMBERS, check_exact, product_of
from .functional import pads, pair
from .int8 import Int8Conv2d, Int8Linear, int8_weights
from .modules import BinaryConv2d, BinaryLinear, _folded

_ATEN = torch.ops.aten
_ADD = (operator.add, operator.iadd, torch.add, "add", "add_", _ATEN.add.Tensor, _ATEN.add_.Tensor)
_CAT = (torch.cat, torch.concat, _ATEN.cat.default)
_RELU = (torch.relu, nn.functional.relu, "relu", "relu_", _ATEN.relu.default, _ATEN.relu_.default)
_FLATTEN = (torch.flatten, "flatten", _ATEN.flatten.using_ints)
_LEFT_OUT = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)


class _Tracer(fx.Tracer):
    """Looks into every module but those that this package or PyTorch has itself."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        ours = type(module).__module__.startswith(__package__)
        return ours or super().is_leaf_module(module, name)


@dataclass(frozen=True)
class _Value:
    """A tensor of the graph. `node` is 0 for the input; `flat_from` is `[channels, height, width]` of
    images that were flattened."""

    node: int
    flat_from: tuple[int, int, int] | None = None


def is_graph(network: nn.Module) -> bool:
    """Whether a network is more than binary layers one after the other: whether it has a module of
    its own with others in it, or weights of 8 bits."""
    return any(
        isinstance(module, INT8) or (not isinstance(module, nn.Sequential) and any(module.children()))
        for module in network.modules()
    )


def _calls(network: nn.Module, sample: Tensor) -> fx.Graph:
    tracer = _Tracer()
    try:
        return tracer.trace(network)
    except Exception as error:
        try:
            return calls_of(network, sample, tracer.is_leaf_module)
        except Exception as other:
            raise Error(
                f"the network cannot be exported: torch.fx cannot follow it: {error}; nor can torch.export: {other}"
            ) from other


class GraphFile:
    """Walks over the calls of a network in evaluation. A sample goes along, for the sizes."""

    def __init__(self, network: nn.Module, sample: Tensor, input_bits: int) -> None:
        self.network, self.largest_input = network, (1 << input_bits) - 1
        self.calls = _calls(network, sample)
        self.is_bytes = self._takes_numbers()
        self.writer = _native.GraphWriter(input_bits if self.is_bytes else 0, self._sizes(sample))
        self.signs: dict[int, int] = {}
        # What the calls give, and what that is in the graph.
        self.tensors: dict[fx.Node, Tensor] = {}
        self.values: dict[fx.Node, _Value] = {}
        inputs = [call for call in self.calls.nodes if call.op == "placeholder"]
        if len(inputs) != 1:
            raise Error(f"the network cannot be exported: expected one input, found {len(inputs)}")
        self.last = 0
        for call in self.calls.nodes:
            self._visit(call, sample)

    def _takes_numbers(self) -> bool:
        """Whether layers that multiply numbers read the input."""
        (first, *_) = self.calls.nodes
        return any(
            user.op == "call_module"
            and isinstance(self.network.get_submodule(user.target), OF_NUMBERS)
            for user in first.users
        )

    @staticmethod
    def _sizes(x: Tensor) -> list[int]:
        """`[height, width, channels]`."""
        return [x.shape[2], x.shape[3], x.shape[1]] if x.ndim == 4 else [1, 1, x.shape[-1]]

    def _refuse(self, call: fx.Node, why: str) -> Error:
        kind = call.target if isinstance(call.target, str) else getattr(call.target, "__name__", call.target)
        if call.op == "call_module":
            kind = type(self.network.get_submodule(call.target)).__name__
        name = call.target if call.op == "call_module" else call.name
        return Error(f"layer `{name}` ({kind}) cannot be exported: {why}")

    def _visit(self, call: fx.Node, sample: Tensor) -> None:
        if call.op == "placeholder":
            self.tensors[call], self.values[call] = sample, _Value(0)
        elif call.op == "output":
            (result,) = call.args
            if not isinstance(result, fx.Node) or self.values[result].node != self.last or self.last == 0:
                raise Error("the network cannot be exported: expected its last layer to give its one output")
            if self.values[result].flat_from:
                raise Error("the network cannot be exported: it ends with a flattened image, of which a file has another order")
        else:
            arguments = fx.node.map_arg((call.args, call.kwargs), lambda node: self.tensors[node])
            try:
                value = self._call(call)
            except Error as error:
                raise error if str(error).startswith("layer `") else self._refuse(call, str(error)) from error
            self.tensors[call] = self._compute(call, *arguments)
            self.values[call] = value
            self.last = max(self.last, value.node)

    def _compute(self, call: fx.Node, args: tuple, kwargs: dict) -> Tensor:
        if call.op == "call_module":
            return self.network.get_submodule(call.target)(*args, **kwargs)
        if call.op == "call_method":
            return getattr(args[0], call.target)(*args[1:], **kwargs)
        return call.target(*args, **kwargs)

    def _call(self, call: fx.Node) -> _Value:
        if call.op == "call_module":
            return self._module(call, self.network.get_submodule(call.target))
        if call.op == "get_attr":
            raise self._refuse(call, "numbers beside those of layers; expected layers, sums and concatenations")
        operands = [x for x in call.args if isinstance(x, fx.Node)]
        if call.target in _ADD and len(operands) == 2 and not call.kwargs:
            a, b = (self._numbers(call, x) for x in operands)
            if self.tensors[operands[0]].shape != self.tensors[operands[1]].shape or a.flat_from != b.flat_from:
                raise self._refuse(call, "expected the sum of two tensors of the same shape")
            return _Value(self.writer.add(a.node, b.node), a.flat_from)
        if call.target in _CAT and isinstance(call.args[0], (list, tuple)):
            dim = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
            values = [self._numbers(call, x) for x in call.args[0]]
            if dim not in (1, self.tensors[call.args[0][0]].ndim * -1 + 1) or any(v.flat_from for v in values):
                raise self._refuse(call, "expected a concatenation of channels (dim 1)")
            joined, *rest = values
            for value in rest:
                joined = _Value(self.writer.concat(joined.node, value.node))
            return joined
        if call.target in _RELU:
            x = self._numbers(call, operands[0])
            return _Value(self.writer.relu(x.node), x.flat_from)
        if call.target in _FLATTEN and list(call.args[1:]) == [1] and not call.kwargs:
            return self._flattened(call, operands[0])
        raise self._refuse(call, "a model file holds nothing of this kind")

    def _numbers(self, call: fx.Node, x: fx.Node) -> _Value:
        value = self.values[x]
        if value.node == 0:
            raise self._refuse(
                call,
                "it changes the input of the network, which a model file takes as it is; expected a layer of "
                "bnn_engine.torch first",
            )
        return value

    def _flattened(self, call: fx.Node, x: fx.Node) -> _Value:
        value, tensor = self._numbers(call, x), self.tensors[x]
        if tensor.ndim != 4 or value.flat_from:
            return value
        return _Value(value.node, tuple(tensor.shape[1:]))

    def _module(self, call: fx.Node, module: nn.Module) -> _Value:
        if len(call.args) != 1 or call.kwargs:
            raise self._refuse(call, f"expected one input, found {len(call.args) + len(call.kwargs)}")
        (source,) = call.args
        if isinstance(module, _LEFT_OUT):
            return self.values[source]
        if isinstance(module, (BinaryLinear, BinaryConv2d)):
            return self._product(call, module, source)
        if isinstance(module, INT8):
            return self._int8_product(call, module, source)
        x, tensor = self._numbers(call, source), self.tensors[source]
        if isinstance(module, nn.Flatten) and module.start_dim == 1 and module.end_dim in (-1, tensor.ndim - 1):
            return self._flattened(call, source)
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            return self._real_product(call, module, x, tensor)
        if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)):
            return self._pool(call, module, x, tensor)
        make = self._by_channel(call, module, tensor.shape[1])
        if make is None:
            raise self._refuse(call, "a model file holds nothing of this kind")
        if x.flat_from and not isinstance(module, (nn.ReLU, nn.Hardtanh)):
            raise self._refuse(call, "it has numbers for each element of a flattened image; put it before the Flatten")
        return _Value(make(x.node), x.flat_from)

    def _by_channel(self, call: fx.Node, module: nn.Module, channels: int) -> Callable[[int], int] | None:
        """What adds a node for a module that computes numbers one by one."""
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            if module.running_mean is None or module.running_var is None:
                raise self._refuse(call, "it has no running statistics, expected track_running_stats")
            scale, bias = (_array(p) for p in _folded(module))
            return lambda x: self.writer.affine(x, scale, bias)
        if isinstance(module, nn.PReLU):
            slopes = _array(module.weight.expand(channels))
            return lambda x: self.writer.prelu(x, slopes)
        if isinstance(module, nn.ReLU):
            return self.writer.relu
        if isinstance(module, nn.Hardtanh):
            return lambda x: self.writer.clamp(x, module.min_val, module.max_val)
        return None

    def _pool(self, call: fx.Node, pool: nn.Module, x: _Value, tensor: Tensor) -> _Value:
        height, width, channels = self._sizes(tensor)
        if isinstance(pool, nn.AdaptiveAvgPool2d):
            if pair("output_size", pool.output_size) != [1, 1]:
                raise self._refuse(call, "expected an output of one pixel")
            kernel, stride, padding = [height, width], [1, 1], [0, 0, 0, 0]
        else:
            kernel = pair("kernel_size", pool.kernel_size)
            stride = pair("stride", pool.kernel_size if pool.stride is None else pool.stride)
            padding = pads(pool.padding, kernel, [1, 1])
            if pool.ceil_mode:
                raise self._refuse(call, "expected no ceil_mode")
        is_max = isinstance(pool, nn.MaxPool2d)
        if is_max and (pair("dilation", pool.dilation) != [1, 1] or pool.return_indices):
            raise self._refuse(call, "expected a dilation of 1 and no return_indices")
        if isinstance(pool, nn.AvgPool2d) and (any(padding) and pool.count_include_pad or pool.divisor_override):
            raise self._refuse(call, "expected means of pixels: count_include_pad=False and no divisor_override")
        return _Value(self.writer.pool(x.node, is_max, [height, width, channels], kernel, stride, padding))

    def _product(self, call: fx.Node, layer: BinaryLinear | BinaryConv2d, source: fx.Node) -> _Value:
        value, tensor = self.values[source], self.tensors[source]
        product = product_of(
            layer, tensor, value.flat_from, self.largest_input, lambda why: self._refuse(call, why)
        )
        node, n = value.node, len(product.weight)
        if product.takes_numbers and node != 0:
            raise self._refuse(call, "it multiplies numbers; only the first layer may, the others take signs")
        if not product.takes_numbers and node == 0 and self.is_bytes:
            raise self._refuse(call, "it takes signs of an input of which another layer takes numbers")
        if node != 0:
            if node not in self.signs:
                channels = value.flat_from or tensor.shape[1:]
                self.signs[node] = self.writer.sign(node, np.zeros(channels[0], np.float32))
            node = self.signs[node]
        shape = product.shape or _native.Conv2d([1, 1, tensor.shape[1]], n, [1, 1])
        weights, scales = pack(product.weight.numpy()), np.ones(n, np.float32)
        return _Value(self.writer.product(node, shape, weights, scales, _bias(layer, 0.0)))

    def _int8_product(self, call: fx.Node, layer: Int8Linear | Int8Conv2d, source: fx.Node) -> _Value:
        value, tensor = self.values[source], self.tensors[source]
        if value.node != 0 and isinstance(layer, Int8Conv2d):
            raise self._refuse(call, "it is a convolution with weights of 8 bits and not the first layer")
        if not layer.weight.isfinite().all():
            raise self._refuse(call, "it has weights that are not finite")
        integers, scales = int8_weights(layer.weight)
        shape, rows = self._windows(call, layer, value, tensor, integers)
        if value.node == 0:
            largest = rows.double().abs().sum(1).max() * self.largest_input
            check_exact(int(largest), lambda why: self._refuse(call, why))
        weights = rows.to(torch.int8).contiguous().numpy()
        return _Value(self.writer.int8_product(value.node, shape, weights, _array(scales), _bias(layer, -0.0)))

    def _real_product(self, call: fx.Node, layer: nn.Linear | nn.Conv2d, x: _Value, tensor: Tensor) -> _Value:
        """A layer of numbers. PyTorch adds in an order of its own, which `tolerance` is to allow."""
        shape, rows = self._windows(call, layer, x, tensor, layer.weight)
        return _Value(self.writer.real_product(x.node, shape, _array(rows), _bias(layer, 0.0)))

    def _windows(
        self, call: fx.Node, layer: nn.Linear | nn.Conv2d, x: _Value, tensor: Tensor, weight: Tensor
    ) -> tuple[_native.Conv2d, Tensor]:
        """The windows of a layer of PyTorch, and its weight in rows in the order of a file."""
        if isinstance(layer, nn.Conv2d):
            if layer.padding_mode != "zeros":
                raise self._refuse(call, f"padding_mode: expected 'zeros', found {layer.padding_mode!r}")
            image, kernel = self._sizes(tensor), list(layer.kernel_size)
            stride, dilation = list(layer.stride), list(layer.dilation)
            sides = pads(layer.padding, kernel, dilation)
            shape = _native.Conv2d(image, len(weight), kernel, stride, dilation, layer.groups, sides)
        else:
            if tensor.ndim != 2:
                raise self._refuse(call, "it takes rows; expected a Flatten before it")
            channels, *kernel = x.flat_from or (tensor.shape[1], 1, 1)
            weight = weight.unflatten(1, (channels, *kernel))
            shape = _native.Conv2d([*kernel, channels], len(weight), kernel)
        return shape, weight.permute(0, 2, 3, 1).flatten(1)

    def finish(self, meta: str) -> bytes:
        """The bytes of the file."""
        return self.writer.finish(meta)


def _bias(layer: nn.Module, nothing: float) -> np.ndarray:
    """The bias of each output; `nothing` without one."""
    return np.full(len(layer.weight), nothing, np.float32) if layer.bias is None else _array(layer.bias)


def _array(numbers: Tensor) -> np.ndarray:
    if not numbers.isfinite().all():
        raise Error("it has numbers that are not finite; has training diverged?")
    return numbers.detach().float().contiguous().numpy()
