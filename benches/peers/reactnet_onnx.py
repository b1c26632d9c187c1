"""ONNX Runtime, f32, one thread, with the network of crates/bnn-core/examples/reactnet.rs in float:
its binary convolutions are ordinary ones without signs before them, and RPReLU is PReLU without
its shifts. Weights are random. Needs `pip install numpy onnx onnxruntime`.
"""

import time

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
BLOCKS += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]
CLASSES = 1000
RUNS = 30

random = numpy.random.default_rng(1)
nodes, weights = [], []


def constant(*shape):
    """A tensor of random numbers; returns its name."""
    name = f"c{len(weights)}"
    numbers = 0.05 * random.standard_normal(shape)
    weights.append(numpy_helper.from_array(numbers.astype(numpy.float32), name))
    return name


def node(operation, inputs, **attributes):
    """Adds a node; returns the name of its output."""
    name = f"t{len(nodes)}"
    nodes.append(helper.make_node(operation, inputs, [name], **attributes))
    return name


def conv(x, channels, outputs, side, stride):
    inputs = [x, constant(outputs, channels, side, side), constant(outputs)]
    shape = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": [side // 2] * 4}
    return node("Conv", inputs, **shape)


def prelu(x, channels):
    return node("PRelu", [x, constant(channels, 1, 1)])


def network():
    x, channels = conv("x", 3, 32, 3, 2), 32
    for outputs, stride in BLOCKS:
        shortcut = x
        first = conv(x, channels, channels, 3, stride)
        if stride > 1:
            shortcut = node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
        middle = prelu(node("Add", [shortcut, first]), channels)
        halves = [
            node("Add", [middle, conv(middle, channels, channels, 1, 1)])
            for _ in range(outputs // channels)
        ]
        x = halves[0] if len(halves) == 1 else node("Concat", halves, axis=1)
        channels = outputs
        x = prelu(x, channels)
    x = node("Flatten", [node("GlobalAveragePool", [x])])
    y = node("Gemm", [x, constant(CLASSES, channels), constant(CLASSES)], transB=1)
    graph = helper.make_graph(
        nodes,
        "reactnet",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, CLASSES])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        network(), options, providers=["CPUExecutionProvider"]
    )
    image = random.standard_normal((1, 3, 224, 224)).astype(numpy.float32)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        session.run(None, {"x": image})
        times.append(time.perf_counter() - start)
    print(f"ONNX Runtime {onnxruntime.__version__}: {1e3 * min(times):.1f} ms, best of {RUNS}")


main()
