"""The networks of a model's shapes in ONNX: of floats, and of 8-bit integers with one scale per tensor.

Weights are random, because the time does not depend on them. Each layer adds a bias and applies ReLU; in integers ReLU
is what becomes of negative numbers when outputs are unsigned. The integer network takes the bytes as they are.
"""

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

import libbnn

OPSET = 17
X_SCALE, W_SCALE = np.float32(1 / 64), np.float32(1 / 64)


class Graph:
    def __init__(self, integers):
        self.integers = integers
        self.random = np.random.default_rng(1)
        self.nodes, self.constants, self.value, self.count = [], [], "x", 0

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, operator, inputs, **attributes):
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(helper.make_node(operator, [self.value, *inputs], [name], **attributes))
        self.value = name

    def scale(self, scale, zero):
        return [self.constant(np.float32(scale)), self.constant(zero)]

    def weights(self, shape, outputs):
        """Weights and a bias."""
        if self.integers:
            weights = self.random.integers(-127, 128, shape).astype(np.int8)
            return weights, self.random.integers(-999, 999, outputs).astype(np.int32)
        weights = self.random.standard_normal(shape).astype(np.float32)
        return weights, self.random.standard_normal(outputs).astype(np.float32)

    def convolution(self, layer, last):
        outputs, channels = layer.output_shape[2], layer.input_shape[2]
        shape = (outputs, channels // layer.groups, *layer.kernel)
        weights, bias = self.weights(shape, outputs)
        top, bottom, left, right = layer.padding
        attributes = dict(
            strides=list(layer.stride),
            dilations=list(layer.dilation),
            pads=[top, left, bottom, right],
            group=layer.groups,
        )
        if self.integers:
            scales = self.scale(X_SCALE, np.uint8(0)), self.scale(W_SCALE, np.int8(0))
            inputs = [*scales[0], self.constant(weights), *scales[1]]
            inputs += [*self.scale(1, np.uint8(128 if last else 0)), self.constant(bias)]
            self.node("QLinearConv", inputs, **attributes)
        else:
            self.node("Conv", [self.constant(weights), self.constant(bias)], **attributes)
            if not last:
                self.node("Relu", [])

    def dense(self, layer, last):
        outputs, inputs = layer.output_shape[2], layer.weights_per_output
        weights, bias = self.weights((inputs, outputs), outputs)
        if self.integers:
            # As ONNX Runtime's own quantiser has it: a product of integers that adds a bias of 32 bits.
            operands = [*self.scale(X_SCALE, np.uint8(0)), self.constant(weights), *self.scale(W_SCALE, np.int8(0))]
            operands += [self.constant(bias), *self.scale(1, np.uint8(128 if last else 0))]
            self.node("QGemm", operands, domain="com.microsoft")
        else:
            self.node("Gemm", [self.constant(weights), self.constant(bias)])
            if not last:
                self.node("Relu", [])

    def pool(self, layer):
        top, bottom, left, right = layer.padding
        self.node(
            "MaxPool",
            [],
            kernel_shape=list(layer.kernel),
            strides=list(layer.stride),
            pads=[top, left, bottom, right],
        )


def build(model, integers):
    """The bytes of an ONNX model of the shapes of a `libbnn.PackedModel`."""
    graph = Graph(integers)
    layers = list(model.layers())
    height, width, channels = layers[0].input_shape
    is_image = layers[0].kind != libbnn.DENSE
    shape = ["n", channels, height, width] if is_image else ["n", channels]
    flat = not is_image
    for index, layer in enumerate(layers):
        last = index + 1 == len(layers)
        height, width, channels = layer.input_shape
        whole = list(layer.output_shape[:2]) == [1, 1] and layer.weights_per_output == height * width * channels
        if layer.kind == libbnn.MAX_POOL2D:
            graph.pool(layer)
        elif layer.kind == libbnn.DENSE or whole:
            if not flat:
                graph.node("Flatten", [])
                flat = True
            graph.dense(layer, last)
        else:
            graph.convolution(layer, last)
    if integers:
        graph.node("DequantizeLinear", graph.scale(1, np.uint8(128)))
    graph.nodes.append(helper.make_node("Identity", [graph.value], ["y"]))
    element = TensorProto.UINT8 if integers else TensorProto.FLOAT
    height, width, channels = layers[-1].output_shape
    result = ["n", channels] if flat else ["n", channels, height, width]
    onnx = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "shapes",
            [helper.make_tensor_value_info("x", element, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)],
        ir_version=8,
    )
    checker.check_model(onnx)
    return onnx.SerializeToString()


def samples(model, count):
    """Bytes for the model, as it takes them, and the same numbers for both networks."""
    layers = list(model.layers())
    height, width, channels = layers[0].input_shape
    most = (1 << model.input.element_bits) - 1
    numbers = np.random.default_rng(2).integers(0, most + 1, (count, height, width, channels)).astype(np.uint8)
    if model.input.element == libbnn.BITS:
        words = -(-channels // 64) * 8
        packed = np.zeros((count, height * width, words), np.uint8)
        bits = np.packbits(numbers.reshape(count, height * width, channels), axis=-1, bitorder="little")
        packed[..., : bits.shape[-1]] = bits
        own = packed.reshape(count, -1)
    else:
        own = numbers.reshape(count, -1)
    if layers[0].kind == libbnn.DENSE:
        theirs = numbers.reshape(count, channels)
    else:
        theirs = numbers.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(own), np.ascontiguousarray(theirs)
