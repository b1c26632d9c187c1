"""Networks of Larq that Keras has saved whole (`model.save("net.h5")`), as ONNX files.

Layers become nodes of ONNX, images with their channels first; from there on the network is imported
as any ONNX file is. Needs the package h5py.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._native import Error

_SIGNS = ("stesign", "approxsign", "swishsign")
_LEFT_OUT = ("Dropout", "SpatialDropout2D", "GaussianNoise", "ActivityRegularization")


@dataclass(frozen=True)
class _Value:
    """A value of the network: `[channels, height, width]` or `[features]`. `flat_from` is the shape of
    an image that was flattened, whose channels are last in Keras."""

    name: str
    shape: tuple[int, ...]
    flat_from: tuple[int, int, int] | None = None


# Bytes of all weights of a network, as the importer of the command limits its files.
_MOST_BYTES = 512 << 20

# What a description that is not one of a network leads to.
_NO_NETWORK = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)


def onnx_of_keras(path: str) -> bytes:
    """The ONNX file of a network.

    Raises `Error` with the layer's name and type if it cannot be imported; `OSError` if the file
    cannot be read; `ImportError` without h5py.
    """
    import h5py

    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
        if config is None or "model_weights" not in file:
            raise Error(f"{path}: expected a whole network, as `model.save` writes it, found weights or other data")
        weights = _Weights(file)
        try:
            return _Network(json.loads(config), weights.of_layer).file()
        except _NO_NETWORK as error:
            if isinstance(error, Error):
                raise
            raise Error(f"{path}: expected the description of a Keras network, found another: {error!r}") from error


class _Weights:
    """The arrays of a file, of limited size: it may declare any, and store none of it."""

    def __init__(self, file: Any) -> None:
        self.file, self.group, self.left = file, file["model_weights"], _MOST_BYTES

    def of_layer(self, layer: str) -> dict[str, NDArray[np.float32]]:
        """The arrays of a layer by the last parts of their names: `kernel`, `bias`, `gamma` and so on."""
        found = {}
        for name in self.group[layer].attrs.get("weight_names", []) if layer in self.group else []:
            name = name.decode() if isinstance(name, bytes) else name
            found[name.split("/")[-1].split(":")[0]] = self._array(layer, name)
        return found

    def _array(self, layer: str, name: str) -> NDArray[np.float32]:
        import h5py

        data = self.group[layer][name]
        if not isinstance(data, h5py.Dataset) or data.dtype.kind != "f":
            raise Error(f"layer {layer}: expected floats in {name}, found other data")
        if data.file != self.file or data.external or data.is_virtual:
            raise Error(f"layer {layer}: {name} is in another file")
        self.left -= 4 * data.size
        if self.left < 0:
            raise Error(f"layer {layer}: more than {_MOST_BYTES >> 20} MiB of weights")
        array = np.asarray(data, np.float32)
        if not np.isfinite(array).all():
            raise Error(f"layer {layer}: expected finite numbers in {name}")
        return array


class _Network:
    def __init__(self, model: dict[str, Any], weights: Callable[[str], dict[str, NDArray[np.float32]]]) -> None:
        self.model, self.weights = model, weights
        self.nodes, self.constants = [], []
        self.values: dict[str, _Value] = {}
        self.input: _Value | None = None
        self.count = 0

    def file(self) -> bytes:
        """The bytes of the ONNX file."""
        kind, config = self.model["class_name"], self.model["config"]
        layers = config["layers"] if isinstance(config, dict) else config
        last = None
        for layer in layers:
            name = layer.get("name") or layer["config"]["name"]
            inputs = self._inputs(layer, last) if kind != "Sequential" else [last]
            value = self._layer(name, layer["class_name"], layer["config"], inputs)
            self.values[name] = last = value
        if kind != "Sequential":
            outputs = config["output_layers"]
            outputs = outputs if isinstance(outputs[0], list) else [outputs]
            if len(outputs) != 1:
                raise Error(f"the network: expected one output, found {len(outputs)}")
            last = self.values[outputs[0][0]]
        if self.input is None or last is None:
            raise Error("the network: expected the shape of its input, found none")
        graph = [_bytes(1, node) for node in self.nodes] + [_text(2, "keras")]
        graph += [_bytes(5, constant) for constant in self.constants]
        graph += [_bytes(11, _described(self.input)), _bytes(12, _described(last))]
        opset = _bytes(8, _text(1, "") + _int(2, 17))
        return _int(1, 8) + _bytes(7, b"".join(graph)) + opset

    def _inputs(self, layer: dict[str, Any], last: _Value | None) -> list[_Value | None]:
        nodes = layer["inbound_nodes"]
        if not nodes:
            return []
        if len(nodes) != 1 or not isinstance(nodes[0], list):
            raise self._refused(layer["name"], layer["class_name"], "it is used several times, or saved by Keras 3")
        sources = nodes[0]
        if layer["class_name"] == "TFOpLambda":
            # A function of TensorFlow, of one value and arguments by name: here `y`, another value.
            arguments = sources[3]
            sources = [sources] + [source for name, source in arguments.items() if name == "y"]
            if not all(isinstance(source, list) for source in sources):
                raise self._refused(layer["name"], layer["class_name"], "a function of a constant")
        return [self.values[source[0]] for source in sources]

    @staticmethod
    def _refused(name: str, kind: str, why: str) -> Error:
        return Error(f"layer {name} of the type {kind}: {why}")

    # Nodes

    def _name(self, what: str) -> str:
        self.count += 1
        return f"{what}.{self.count}"

    def _constant(self, array: Any, kind: int = 1) -> str:
        array, name = np.asarray(array, "<f4" if kind == 1 else "<i8"), self._name("constant")
        sides = b"".join(_int(1, side) for side in array.shape)
        self.constants.append(sides + _int(2, kind) + _text(8, name) + _bytes(9, array.tobytes()))
        return name

    def _node(self, layer: str, op: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> _Value:
        output = self._name(op)
        parts = [_text(1, name) for name in inputs] + [_text(2, output), _text(3, layer), _text(4, op)]
        for name, value in attributes.items():
            body = _text(1, name)
            if isinstance(value, str):
                body += _text(4, value) + _int(20, 3)
            elif isinstance(value, float):
                body += b"\x15" + struct.pack("<f", value) + _int(20, 1)
            elif isinstance(value, int):
                body += _int(3, value) + _int(20, 2)
            else:
                body += b"".join(_int(8, x) for x in value) + _int(20, 7)
            parts.append(_bytes(5, body))
        self.nodes.append(b"".join(parts))
        return _Value(output, shape)

    # Layers

    def _layer(self, name: str, kind: str, config: dict[str, Any], inputs: list[_Value | None]) -> _Value:
        def refused(why: str) -> Error:
            return self._refused(name, kind, why)

        shape = config.get("batch_input_shape") or config.get("batch_shape")
        if self.input is None and shape:
            if len(shape) not in (2, 4) or None in shape[1:]:
                raise refused(f"expected samples of rows or of images of a known size, found {shape}")
            sides = (shape[3], shape[1], shape[2]) if len(shape) == 4 else (shape[1],)
            self.input = _Value("input", tuple(sides))
            inputs = [self.input]
        if kind == "InputLayer":
            if self.input is None or inputs != [self.input]:
                raise refused("expected one input of a known shape")
            return self.input
        if config.get("data_format", "channels_last") != "channels_last":
            raise refused("expected channels_last")
        if not inputs or any(value is None for value in inputs):
            raise refused("expected the shape of the network's input, found none")
        x = inputs[0]
        if kind == "TFOpLambda":
            # What `x + y` becomes.
            if config["function"] not in ("__operators__.add", "math.add") or len(inputs) != 2:
                raise refused(f"the function {config['function']} of {len(inputs)} values")
            return self._joined(name, "Add", config, inputs, refused)
        if kind in ("Add", "Concatenate"):
            return self._joined(name, kind, config, inputs, refused)
        if len(inputs) != 1:
            raise refused(f"expected one input, found {len(inputs)}")
        if kind in _LEFT_OUT:
            return x
        if kind in ("QuantConv2D", "Conv2D", "QuantDepthwiseConv2D", "DepthwiseConv2D"):
            return self._conv(name, kind, config, x, refused)
        if kind in ("QuantDense", "Dense"):
            return self._dense(name, config, x, refused)
        if kind == "BatchNormalization":
            return self._norm(name, config, x, refused)
        if kind in ("MaxPooling2D", "AveragePooling2D"):
            return self._pool(name, kind, config, x, refused)
        if kind == "GlobalAveragePooling2D" and len(x.shape) == 3:
            pooled = self._node(name, "GlobalAveragePool", [x.name], (x.shape[0], 1, 1))
            return self._node(name, "Flatten", [pooled.name], (x.shape[0],))
        if kind == "Flatten":
            if len(x.shape) == 1:
                return x
            flat = self._node(name, "Flatten", [x.name], (int(np.prod(x.shape)),))
            return _Value(flat.name, flat.shape, x.shape if x.shape[1:] != (1, 1) else None)
        if kind == "Activation":
            return self._activated(name, config["activation"], x, refused)
        if kind == "ReLU" and not config.get("negative_slope") and not config.get("threshold"):
            most = config.get("max_value")
            if most is None:
                return self._activated(name, "relu", x, refused)
            bounds = [self._constant(0.0), self._constant(most)]
            return self._like(x, self._node(name, "Clip", [x.name, *bounds], x.shape))
        if kind == "LeakyReLU":
            alpha = float(config.get("alpha", config.get("negative_slope", 0.3)))
            return self._like(x, self._node(name, "LeakyRelu", [x.name], x.shape, alpha=alpha))
        if kind == "PReLU" and not x.flat_from:
            slopes = self.weights(name)["alpha"].reshape(-1)
            if len(slopes) != x.shape[0]:
                raise refused("its slopes differ from pixel to pixel; expected shared_axes=[1, 2]")
            slopes = slopes.reshape(-1, *[1] * (len(x.shape) - 1))
            return self._node(name, "PRelu", [x.name, self._constant(slopes)], x.shape)
        raise refused("a type that the importer does not know, or that a model file cannot hold")

    @staticmethod
    def _like(x: _Value, made: _Value) -> _Value:
        return _Value(made.name, x.shape, x.flat_from)

    def _activated(self, name: str, activation: Any, x: _Value, refused: Callable[[str], Error]) -> _Value:
        if activation in (None, "linear"):
            return x
        if activation in ("relu", "softmax"):
            op = {"relu": "Relu", "softmax": "Softmax"}[activation]
            return self._like(x, self._node(name, op, [x.name], x.shape))
        if _quantizer(activation) in _SIGNS:
            return self._signs(name, x)
        raise refused(f"the activation {activation}")

    def _signs(self, name: str, x: _Value) -> _Value:
        """+1 where a number is at least 0, else -1: as Larq's quantizers have it."""
        truth = self._node(name, "GreaterOrEqual", [x.name, self._constant(0.0)], x.shape)
        chosen = [truth.name, self._constant(1.0), self._constant(-1.0)]
        return self._like(x, self._node(name, "Where", chosen, x.shape))

    def _quantized(self, name: str, config: dict, x: _Value, refused: Callable[[str], Error]) -> _Value:
        quantizer = config.get("input_quantizer")
        if quantizer is None:
            return x
        if _quantizer(quantizer) not in _SIGNS:
            raise refused(f"the input quantizer {quantizer}")
        return self._signs(name, x)

    @staticmethod
    def _kernel(kernel: NDArray, quantizer: Any, refused: Callable[[str], Error]) -> NDArray:
        """The kernel that computes, `[.., outputs]`."""
        if quantizer is None:
            return kernel
        signs = np.where(kernel >= 0, np.float32(1), np.float32(-1))
        if _quantizer(quantizer) == "magnitudeawaresign":
            return signs * np.abs(kernel).mean(tuple(range(kernel.ndim - 1)), keepdims=True)
        if _quantizer(quantizer) not in _SIGNS:
            raise refused(f"the kernel quantizer {quantizer}")
        return signs

    def _conv(self, name: str, kind: str, config: dict, x: _Value, refused: Callable[[str], Error]) -> _Value:
        if len(x.shape) != 3:
            raise refused("expected images")
        weights, is_depthwise = self.weights(name), "Depthwise" in kind
        quantizer = config.get("depthwise_quantizer" if is_depthwise else "kernel_quantizer")
        channels, *image = x.shape
        kernel = weights["depthwise_kernel" if is_depthwise else "kernel"]
        groups = channels if is_depthwise else config.get("groups", 1)
        if is_depthwise:
            # [height, width, channels, multiplier]: output `c * multiplier + m` is of channel `c`.
            kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
        kernel = self._kernel(kernel, quantizer, refused)
        if kernel.ndim != 4 or kernel.shape[2] * groups != channels:
            raise refused(f"a kernel of the shape {list(kernel.shape)} on {channels} channels")
        y = self._quantized(name, config, x, refused)
        window = _Window(kernel.shape[:2], config["strides"], config.get("dilation_rate", 1), config["padding"])
        attributes = window.attributes()
        sides, output = window.over(image, refused)
        if float(config.get("pad_values", 0.0)) != 0.0 and any(sides):
            top, bottom, left, right = sides
            pads = self._constant([0, 0, top, left, 0, 0, bottom, right], 7)
            value = self._constant(float(config["pad_values"]))
            y = self._node(name, "Pad", [y.name, pads, value], y.shape)
            del attributes["auto_pad"]
        inputs = [y.name, self._constant(kernel.transpose(3, 2, 0, 1))]
        if "bias" in weights:
            inputs.append(self._constant(weights["bias"]))
        made = self._node(name, "Conv", inputs, (kernel.shape[3], *output), group=int(groups), **attributes)
        return self._activated(name, config.get("activation"), made, refused)

    def _dense(self, name: str, config: dict, x: _Value, refused: Callable[[str], Error]) -> _Value:
        weights = self.weights(name)
        kernel = self._kernel(weights["kernel"], config.get("kernel_quantizer"), refused)
        if len(x.shape) != 1 or kernel.shape[0] != x.shape[0]:
            raise refused(f"a kernel of the shape {list(kernel.shape)} on a value of {list(x.shape)}")
        if x.flat_from:
            channels, height, width = x.flat_from
            kernel = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        y = self._quantized(name, config, x, refused)
        inputs = [y.name, self._constant(kernel)]
        if "bias" in weights:
            inputs.append(self._constant(weights["bias"]))
        made = self._node(name, "Gemm", inputs, (kernel.shape[1],))
        return self._activated(name, config.get("activation"), made, refused)

    def _norm(self, name: str, config: dict, x: _Value, refused: Callable[[str], Error]) -> _Value:
        weights, channels = self.weights(name), x.shape[0]
        axis = config.get("axis", -1)
        axis = axis[0] if isinstance(axis, list) else axis
        if x.flat_from or axis not in (-1, len(x.shape)):
            raise refused("expected a norm of channels, before a Flatten")
        inputs = [
            weights.get("gamma", np.ones(channels)),
            weights.get("beta", np.zeros(channels)),
            weights["moving_mean"],
            weights["moving_variance"],
        ]
        inputs = [x.name, *(self._constant(array) for array in inputs)]
        return self._node(name, "BatchNormalization", inputs, x.shape, epsilon=float(config["epsilon"]))

    def _pool(self, name: str, kind: str, config: dict, x: _Value, refused: Callable[[str], Error]) -> _Value:
        if len(x.shape) != 3:
            raise refused("expected images")
        size = _pair(config["pool_size"])
        window = _Window(size, config.get("strides") or size, 1, config["padding"])
        _, output = window.over(x.shape[1:], refused)
        op = "MaxPool" if kind == "MaxPooling2D" else "AveragePool"
        attributes = {key: value for key, value in window.attributes().items() if key != "dilations"}
        return self._node(name, op, [x.name], (x.shape[0], *output), **attributes)

    def _joined(
        self, name: str, kind: str, config: dict, inputs: list[_Value], refused: Callable[[str], Error]
    ) -> _Value:
        first, *rest = inputs
        if any(value.flat_from != first.flat_from for value in rest):
            raise refused("flattened images of different shapes")
        if kind == "Concatenate":
            if len(first.shape) != 3 or config.get("axis", -1) not in (-1, 3):
                raise refused("expected a concatenation of the channels of images")
            channels = sum(value.shape[0] for value in inputs)
            return self._node(name, "Concat", [v.name for v in inputs], (channels, *first.shape[1:]), axis=1)
        for value in rest:
            if value.shape != first.shape:
                raise refused(f"values of {list(first.shape)} and {list(value.shape)}")
            first = self._like(first, self._node(name, "Add", [first.name, value.name], first.shape))
        return first


class _Window:
    """Pairs are vertical and horizontal."""

    def __init__(self, kernel: Any, stride: Any, dilation: Any, padding: str) -> None:
        self.kernel, self.stride, self.dilation = _pair(kernel), _pair(stride), _pair(dilation)
        self.is_same = padding == "same"

    def attributes(self) -> dict[str, Any]:
        auto = "SAME_UPPER" if self.is_same else "VALID"
        return dict(kernel_shape=self.kernel, strides=self.stride, dilations=self.dilation, auto_pad=auto)

    def over(self, image: Any, refused: Callable[[str], Error]) -> tuple[list[int], list[int]]:
        """The padding above, below, left and right, and the size of the output."""
        sides, output = [], []
        for size, k, stride, dilation in zip(image, self.kernel, self.stride, self.dilation):
            if min(size, k, stride, dilation) < 1:
                raise refused(f"a window of {self.kernel} with strides {self.stride} on {list(image)}")
            reach = (k - 1) * dilation + 1
            total = max((-(-size // stride) - 1) * stride + reach - size, 0) if self.is_same else 0
            sides += [total // 2, total - total // 2]
            output.append((size + total - reach) // stride + 1)
        if min(output) < 1:
            raise refused(f"a window of {self.kernel} on an image of {list(image)}")
        return sides, output


def _pair(value: Any) -> list[int]:
    values = [value, value] if isinstance(value, int) else [int(x) for x in value]
    if len(values) != 2:
        raise ValueError(f"expected one number or two, found {value}")
    return values


def _quantizer(quantizer: Any) -> str:
    """Its name, however it is written: `ste_sign`, `SteSign`, or a description of the object."""
    name = quantizer.get("class_name", "") if isinstance(quantizer, dict) else str(quantizer)
    return name.split(">")[-1].replace("_", "").lower()


def _varint(value: int) -> bytes:
    out, value = bytearray(), value & (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(int(value))


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _described(value: _Value) -> bytes:
    """A value's name and type, for the inputs and outputs of a graph."""
    sides = [_text(2, "N"), *(_int(1, side) for side in value.shape)]
    shape = b"".join(_bytes(1, side) for side in sides)
    return _text(1, value.name) + _bytes(2, _bytes(1, _int(1, 1) + _bytes(2, shape)))
