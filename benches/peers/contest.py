"""Times models and products beside other libraries, on one core, in turns; prints tables in Markdown. See run.sh."""

import argparse
import ctypes
import os
import platform
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime

import libbnn
import networks


def best_in_turns(contenders, seconds):
    """Seconds of the fastest run of each function. They take turns of several runs, so that a disturbance meets all of
    them, and most runs find the caches as the same contender left them."""
    best = [float("inf")] * len(contenders)
    for turn in range(7):
        for i, contender in enumerate(contenders):
            end, runs = time.perf_counter() + seconds / 7, 0
            while runs < 3 or time.perf_counter() < end:
                start = time.perf_counter()
                contender()
                best[i] = min(best[i], time.perf_counter() - start)
                runs += 1
    return best


def session(onnx):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def runner(onnx, x):
    """Runs `x` with input and output bound beforehand, so that Python costs as little as it can."""
    network = session(onnx)
    binding = network.io_binding()
    binding.bind_cpu_input("x", x)
    binding.bind_output("y")
    return lambda: network.run_with_iobinding(binding)


def time_models(paths, batches, seconds):
    print("| model, batch | ours, us a sample | ONNX Runtime f32 | ONNX Runtime int8 | ratios |")
    print("| --- | --- | --- | --- | --- |")
    for path in paths:
        model = libbnn.PackedModel(path)
        floats, integers = (networks.build(model, integers) for integers in (False, True))
        for batch in batches:
            own, theirs = networks.samples(model, batch)
            contenders = [
                model.runner(own),
                runner(floats, theirs.astype(np.float32)),
                runner(integers, theirs),
            ]
            ours, f32, int8 = (1e6 * t / batch for t in best_in_turns(contenders, seconds))
            print(
                f"| {Path(path).name}, {batch} | {ours:.1f} | {f32:.1f} | {int8:.1f} "
                f"| {f32 / ours:.1f}, {int8 / ours:.1f} |",
                flush=True,
            )


def time_convolutions(sizes, seconds):
    """Convolutions of 3 x 3, zeros around one image, bits to bits, as models of one layer."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for *image, outputs in sizes:
            paths.append(Path(folder) / f"3x3, {image[2]} to {outputs} on {image[0]} x {image[1]}")
            paths[-1].write_bytes(libbnn.convolution(image, outputs))
        time_models(paths, [1], seconds)


def lab():
    """`binary_gemm_u64` of bnn-lab: rows of words to floats, bit 0 for +1."""
    files = metadata.files("bnn-lab")
    native = next(f for f in files if "_binary_gemm_native" in f.name and f.suffix == ".so")
    function = ctypes.CDLL(str(native.locate())).binary_gemm_u64
    function.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int] * 4
    function.restype = None
    return function


def time_products(shapes, seconds):
    multiply = lab()
    random = np.random.default_rng(3)
    print("| m x n x k | `bnn_gemm_i32`, 10^9 operations (2mnk) per second | bnn-lab `binary_gemm_u64` | ratio |")
    print("| --- | --- | --- | --- |")
    for m, n, k in shapes:
        words = -(-k // 64)
        rows = [random.integers(0, 1 << 63, (r, words)).astype(np.uint64) for r in (m, n)]
        if k % 64:
            for side in rows:
                side[:, -1] &= np.uint64((1 << k % 64) - 1)
        a, b = rows
        c, y = np.empty((m, n), np.int32), np.empty((m, n), np.float32)
        arguments = (a.ctypes.data, b.ctypes.data, y.ctypes.data, m, n, words, k)
        ours, theirs = best_in_turns([libbnn.multiplier(a, b, k, c), lambda: multiply(*arguments)], seconds)
        # Products of signs are the same, whichever bit is +1.
        if not np.array_equal(c, y):
            raise RuntimeError(f"{m} x {n} x {k}: the two libraries differ")
        speed = [2e-9 * m * n * k / t for t in (ours, theirs)]
        print(f"| {m} x {n} x {k} | {speed[0]:.0f} | {speed[1]:.0f} | {theirs / ours:.2f} |", flush=True)


def cpu():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def main():
    models = libbnn.ROOT / "firmware/models"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", help="model file; may be given several times")
    parser.add_argument("--batch", type=int, action="append", help="samples of a run [default: 1 and 64]")
    parser.add_argument("--shape", action="append", help="m,n,k of a product; may be given several times")
    parser.add_argument(
        "--convolution", action="append", help="height,width,channels,outputs of 3 x 3; may be given several times"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each figure")
    arguments = parser.parse_args()
    paths = arguments.model or [models / name for name in ("fashion.bnn", "cnn.bnn", "digits.bnn")]
    shapes = [tuple(map(int, shape.split(","))) for shape in arguments.shape or []]
    shapes = shapes or [(1024, 1024, 1024), (128, 4096, 4096), (64, 1024, 1024), (64, 4096, 4096)]
    convolutions = [tuple(map(int, sizes.split(","))) for sizes in arguments.convolution or []]
    convolutions = convolutions or [(56, 56, 64, 64), (28, 28, 128, 128), (14, 14, 256, 256), (7, 7, 512, 512)]
    libbnn.call(libbnn.LIBRARY.bnn_set_num_threads, 1)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("onnxruntime", "bnn-lab"))
    kernel = os.environ.get("BNN_KERNEL", "its fastest kernel")
    print(f"{cpu()}; our kernel: {libbnn.LIBRARY.bnn_isa().decode()}; {versions} ({kernel})\n")
    time_models(paths, arguments.batch or [1, 64], arguments.seconds)
    print()
    time_convolutions(convolutions, arguments.seconds)
    print()
    time_products(shapes, arguments.seconds)


if __name__ == "__main__":
    main()
