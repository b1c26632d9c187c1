"""Threads, forks and the GIL."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import bnn_engine as bnn

# Large enough to be shared among threads.
LARGE = 512


def large_product():
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((2, LARGE, 1024))
    return bnn.matmul(bnn.pack(x), bnn.Weights.pack(w))


def test_results_do_not_depend_on_the_number_of_threads():
    before, expected = bnn.num_threads(), large_product()
    try:
        for threads in [1, 2, 3]:
            bnn.set_num_threads(threads)
            assert bnn.num_threads() == threads
            assert (large_product() == expected).all()
    finally:
        bnn.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_computes_after_its_parent_has():
    expected = large_product()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for y in [pool.apply_async(large_product) for _ in range(4)]:
            assert (y.get(timeout=120) == expected).all()
    assert (large_product() == expected).all()


def test_other_threads_of_python_run_meanwhile():
    """A product of some tenths of a second; a thread that needs the GIL takes turns with it."""
    bits = bnn.pack(np.ones((3000, 8192), np.float32))
    w = bnn.Weights(bits, 8192)
    turns, done = [], threading.Event()

    def count():
        while not done.is_set():
            turns.append(time.perf_counter())
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    begin = time.perf_counter()
    bnn.matmul(bits, w)
    end = time.perf_counter()
    done.set()
    thread.join()
    inside = [t for t in turns if begin + (end - begin) * 0.2 < t < end - (end - begin) * 0.2]
    assert inside, "no other thread had the GIL during the product"


def test_an_unknown_instruction_set_is_an_error():
    run = subprocess.run(
        [sys.executable, "-c", "import bnn_engine as b; print(b.isa())"],
        env={**os.environ, "BNN_ISA": "none-such"},
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0 and "none-such" in run.stderr


def test_import_needs_numpy_alone():
    code = "import sys, bnn_engine; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
