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


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@forks
def test_a_forked_child_computes_after_its_parent_has():
    expected = large_product()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for y in [pool.apply_async(large_product) for _ in range(4)]:
            assert (y.get(timeout=120) == expected).all()
    assert (large_product() == expected).all()


def in_child(work, *arguments):
    """What a forked child, which may fork in its turn, gets for the work."""
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    child = context.Process(target=lambda: writer.send(work(*arguments)))
    child.start()
    # A child that dies closes the pipe, so that nobody waits for it.
    writer.close()
    try:
        assert reader.poll(120), "the child hangs"
        return reader.recv()
    finally:
        child.kill()
        child.join()


def product_of_threads(threads):
    bnn.set_num_threads(threads)
    return bnn.num_threads(), large_product()


def trained():
    """A network that takes more than one thread, of noise."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (200, 64), np.uint8), np.arange(200) % 2
    return bnn.train(x, y, hidden=[256], epochs=2, batch=100).file


@forks
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_child_sets_its_own_number_of_threads(threads):
    before, expected = bnn.num_threads(), large_product()
    found, product = in_child(product_of_threads, threads)
    assert found == threads and (product == expected).all()
    assert bnn.num_threads() == before and (large_product() == expected).all()


@forks
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_child_keeps_the_number_of_threads_of_its_parent(threads):
    before, expected = bnn.num_threads(), large_product()
    try:
        bnn.set_num_threads(threads)
        assert (large_product() == expected).all()
        assert in_child(bnn.num_threads) == threads
        assert (in_child(large_product) == expected).all()
    finally:
        bnn.set_num_threads(before)


@forks
def test_a_child_of_a_child_computes():
    expected = large_product()
    assert (in_child(in_child, large_product) == expected).all()


@forks
def test_a_child_trains():
    expected = trained()
    assert in_child(trained) == expected
    assert in_child(in_child, trained) == expected
    assert trained() == expected


@forks
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("work", [large_product, trained])
def test_a_child_computes_that_was_made_while_another_thread_did(work):
    expected, done, rounds = work(), threading.Event(), []

    def compute():
        while not done.is_set():
            rounds.append(np.array_equal(work(), expected))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        for _ in range(8):
            assert np.array_equal(in_child(work), expected)
    finally:
        done.set()
        thread.join()
    assert rounds and all(rounds)


FIRST_CALL = """
import os, signal, sys, threading, time
import numpy as np
import bnn_engine as bnn

ones = np.ones((512, 1024))

def work():
    return (bnn.matmul(bnn.pack(ones), bnn.Weights.pack(ones)) == 1024).all()

thread = threading.Thread(target=work)
thread.start()
until = time.perf_counter() + float(sys.argv[1])
while time.perf_counter() < until:
    pass
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if work() else 1)
_, status = os.waitpid(child, 0)
thread.join()
print("computed" if status == 0 else f"status {status}")
"""


@forks
@pytest.mark.parametrize("seconds", [0, 0.0005, 0.001, 0.002, 0.004])
def test_a_child_computes_that_was_made_during_the_first_call(seconds):
    code = [sys.executable, "-W", "ignore", "-c", FIRST_CALL, str(seconds)]
    run = subprocess.run(code, capture_output=True, text=True, timeout=300)
    assert run.stdout.strip() == "computed", run.stderr


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


def test_an_import_takes_less_than_a_second_of_the_processor():
    """The start of Python and the import of numpy included. (The clock would count other processes.)"""
    code = "import time, bnn_engine; print(time.process_time())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 1.0
