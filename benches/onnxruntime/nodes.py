"""Binary nodes in ONNX Runtime beside its own float layers of the same shapes, floats in and floats
out. Wants the packages bnn_engine, onnxruntime and onnx.

usage: python benches/onnxruntime/nodes.py [THREADS]
"""

import sys
import time

import numpy as np
import onnxruntime
from onnx import helper, numpy_helper

import bnn_engine as bnn
from bnn_engine import onnxruntime as bo

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
RUNS = 15

rng = np.random.default_rng(1)


def session(node, weights, shape):
    """A network of one node."""
    sides = [helper.make_tensor_value_info(name, 1, of) for name, of in [("x", shape), ("y", None)]]
    graph = helper.make_graph([node], "one", sides[:1], sides[1:], [numpy_helper.from_array(weights, "w")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(bo.DOMAIN, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = bo.register(onnxruntime.SessionOptions())
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def compare(name, binary, real):
    """Both in turns; the best run of each."""
    best = [float("inf")] * 2
    for _ in range(2):
        for i, (session, x) in enumerate([binary, real]):
            session.run(None, {"x": x})
            for _ in range(RUNS):
                start = time.perf_counter()
                session.run(None, {"x": x})
                best[i] = min(best[i], time.perf_counter() - start)
    print(f"| {name} | {best[0] * 1e3:.3f} ms | {best[1] * 1e3:.3f} ms | {best[1] / best[0]:.1f} |", flush=True)


def linear(m, k, n):
    w = rng.standard_normal((n, k)).astype(np.float32)
    x = rng.standard_normal((m, k)).astype(np.float32)
    binary = helper.make_node("BinaryLinear", ["x", "w"], ["y"], domain=bo.DOMAIN, channels=k)
    real = helper.make_node("MatMul", ["x", "w"], ["y"])
    transposed = np.ascontiguousarray(w.T)
    shape = [m, k]
    compare(
        f"linear, {m} x {k} -> {n}",
        (session(binary, bnn.pack(w), shape), x),
        (session(real, transposed, shape), x),
    )


def convolution(batch, side, channels, outputs):
    w = rng.standard_normal((outputs, 3, 3, channels)).astype(np.float32)
    x = rng.standard_normal((batch, side, side, channels)).astype(np.float32)
    window = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    binary = helper.make_node(
        "BinaryConv2d", ["x", "w"], ["y"], domain=bo.DOMAIN, channels=channels, **window
    )
    real = helper.make_node("Conv", ["x", "w"], ["y"], **window)
    planes = [np.ascontiguousarray(a.transpose(0, 3, 1, 2)) for a in (x, w)]
    compare(
        f"convolution 3x3, {batch} x {side}x{side}x{channels} -> {outputs}",
        (session(binary, bnn.pack(w.reshape(outputs, -1)), list(x.shape)), x),
        (session(real, planes[1], list(planes[0].shape)), planes[0]),
    )


bnn.set_num_threads(THREADS)
print(f"ONNX Runtime {onnxruntime.__version__}, {bnn.isa()}, {THREADS} thread(s), best of {2 * RUNS}\n")
print("| layer | binary | float | times |\n| --- | --- | --- | --- |")
linear(1, 1024, 1024)
linear(128, 1024, 1024)
linear(128, 4096, 4096)
convolution(1, 56, 64, 64)
convolution(1, 28, 128, 128)
convolution(1, 14, 256, 256)
convolution(8, 14, 256, 256)
