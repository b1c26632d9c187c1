"""What does not fit in memory is an exception, and the interpreter lives on."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import bnn_engine as bnn
from bnn_engine import _native

# Runs what follows with half a GiB more than it has taken so far, threads of the package included.
LIMITED = """
import resource
import numpy as np
import bnn_engine as bnn
from bnn_engine import _native

bnn.matmul(bnn.pack(np.ones((512, 1024))), bnn.Weights.pack(np.ones((512, 1024))))
with open("/proc/self/statm") as statm:
    taken = int(statm.read().split()[0]) * resource.getpagesize()
limit = taken + (512 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
MILLION = 1 << 20
"""

OUTPUTS = {
    "a product of bits": """
        x = bnn.pack(np.ones((MILLION, 1), np.int8))
        work = lambda: bnn.matmul(x, bnn.Weights(x, 1))""",
    "scaled sums": """
        x, w = bnn.pack(np.ones((MILLION, 1), np.int8)), bnn.Weights.pack(np.ones((MILLION, 1), np.int8))
        numbers = np.ones(MILLION, np.float32)
        work = lambda: w.affine(x, numbers, numbers)""",
    "a product of floats": """
        x = np.ones((MILLION, 1), np.float32)
        work = lambda: bnn.matmul(x, bnn.pack(x))""",
    "numbers of bits": """
        bits = np.zeros((MILLION << 3, 1), np.uint64)
        work = lambda: bnn.unpack(bits, 64, np.int64)""",
    "the outputs of a convolution": """
        conv = _native.Conv2d([3, 3, 1], 1, [1, 1], padding=[1 << 28, 0, 0, 0])
        x, w = np.ones((1, 3, 3, 1), np.float32), np.ones((1, 1), np.float32)
        work = lambda: conv.forward(x, w)""",
    "the outputs of a layer": """
        x = np.ones((MILLION, 1), np.float32)
        work = lambda: _native.linear_forward(x, x)""",
    "the outputs of a layer that is trained": """
        x = np.ones((MILLION, 1), np.float32)
        work = lambda: _native.linear_forward(x, x, 1.0)""",
    "the outputs of a model": """
        writer = _native.Writer(8)
        writer.conv2d(_native.Conv2d([4096, 4096, 1], 32, [1, 1]), bnn.pack(np.ones((32, 1))))
        model = bnn.Model(writer.finish(""))
        work = lambda: model.run(np.ones((1, MILLION << 4), np.uint8))""",
}


def run_limited(code):
    run = subprocess.run([sys.executable, "-c", LIMITED + textwrap.dedent(code)], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.strip()


needs_limits = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as Linux does it")


@needs_limits
@pytest.mark.parametrize("code", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_outputs_that_do_not_fit_are_memory_errors(code):
    caught = """
try:
    work()
except MemoryError as error:
    print("MemoryError")
assert (bnn.unpack(bnn.pack(np.ones((2, 3))), 3) == 1).all()
"""
    assert run_limited(textwrap.dedent(code) + caught) == "MemoryError"


TRAININGS = {
    "a batch": "bnn.train(x, y, hidden=[1 << 14], batch=15_000)",
    "weights": "bnn.train(x, y, hidden=[1 << 14, 16000])",
}


@needs_limits
@pytest.mark.parametrize("training", TRAININGS.values(), ids=TRAININGS.keys())
def test_trainings_that_do_not_fit_are_memory_errors_before_the_first_step(training):
    code = f"""
    x, y = np.arange(40_000).astype(np.uint8).reshape(-1, 2), np.arange(20_000) % 2
    try:
        {training}
    except MemoryError as error:
        print("MemoryError", "memory" in str(error))
    # A smaller one does fit.
    print(len(bnn.train(x, y, hidden=[8], epochs=1).history))
    """
    assert run_limited(code).split() == ["MemoryError", "True", "1"]


def test_a_batch_that_no_machine_has_room_for_is_a_memory_error():
    """2^22 samples of 2^17 activations each: some terabytes."""
    x, y = np.zeros((1 << 22, 1), np.uint8), np.arange(1 << 22) % 2
    with pytest.raises(MemoryError, match="a step of 4194304 samples takes some .* smaller batch"):
        bnn.train(x, y, (x[:2], y[:2]), hidden=[1 << 17], batch=1 << 22)


@needs_limits
def test_a_product_of_floats_takes_no_more_memory_than_its_result():
    """The result takes 288 of 512 MiB: there is no room for a second one."""
    code = """
    x = np.ones((9216, 1), np.float32)
    y = bnn.matmul(x, bnn.pack(x[:8192]))
    print(y.shape, (y == 1).all())
    """
    assert run_limited(code) == "(9216, 8192) True"


@pytest.mark.parametrize("k", [1 << 40, 1 << 61, (1 << 63) + 1])
def test_shapes_beyond_what_can_be_addressed_are_refused(k):
    dy, signs = np.ones((1 << 20, 1), np.float32), np.zeros((1, 1), np.uint64)
    saved = np.zeros((2, 1 << 20, 1), np.uint64)
    for compute in (_native.linear_input_gradient, _native.linear_gradients):
        with pytest.raises((bnn.Error, MemoryError)) as raised:
            compute(dy, saved, signs, k)
        assert k == 1 << 40 or "more bytes than can be addressed" in str(raised.value)
