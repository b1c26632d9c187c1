"""Model files, against what the command predicts with them."""

import os
import pathlib
import struct
import threading
import zlib

import numpy as np
import pytest

import bnn_engine as bnn
from bnn_engine import _native

MODELS = pathlib.Path(__file__).parents[3] / "firmware" / "models"


def model_file(name):
    return MODELS / f"{name}.bnn"


@pytest.mark.parametrize("name", ["digits", "digits-int", "digits-bits", "cnn"])
def test_scores_are_those_of_the_recorded_runs(name):
    model = bnn.Model.open(model_file(name))
    x = np.fromfile(MODELS / "digits.inputs", np.uint8)
    outputs = (MODELS / f"{name}.outputs").read_bytes()
    dtype = {"bits": np.uint64, "int32": np.int32, "float32": np.float32}[model.output_type]
    expected = np.frombuffer(outputs, dtype)
    height, width, channels = model.output_shape
    per_sample = height * width * (bnn.row_words(channels) if model.output_type == "bits" else channels)
    samples = len(expected) // per_sample
    assert samples > 1
    y = model.run(x.reshape(samples, -1))
    assert y.dtype == dtype and (y.reshape(-1) == expected).all()
    one_by_one = np.concatenate([model.run(row[None]) for row in x.reshape(samples, -1)])
    assert (one_by_one == y).all()


def test_what_a_model_is_can_be_asked():
    model = bnn.Model.open(model_file("fashion"))
    assert model.input_shape == (28, 28, 1) and model.output_shape == (1, 1, 10)
    assert (model.input_type, model.output_type) == ("u8", "float32")
    assert model.file_bytes == model_file("fashion").stat().st_size
    assert model.scratch_bytes > 0 and model.operations > 10_000_000
    assert model.meta["width"] == "28"
    assert len(model.layers) == 8 and model.layers[0].startswith("conv2d")
    assert bnn.info(model_file("fashion"))["layers"] == model.layers
    assert "fashion" not in repr(model) and "(28, 28, 1) u8" in repr(model)


def test_any_shape_of_samples_is_taken_and_the_first_of_equal_scores_wins():
    model = bnn.Model.open(model_file("fashion"))
    x = np.random.default_rng(1).integers(0, 256, (5, 28, 28, 1), np.uint8)
    y = model.run(x)
    assert y.shape == (5, 10)
    assert (model(x.reshape(5, 784)) == y).all()
    assert (model.run(np.asfortranarray(x)) == y).all()
    assert (model.predict(x) == y.argmax(axis=1)).all()
    assert model.run(np.empty((0, 784), np.uint8)).shape == (0, 10)


def test_threads_share_a_model():
    model = bnn.Model.open(model_file("fashion"))
    x = np.random.default_rng(1).integers(0, 256, (64, 784), np.uint8)
    expected, found = model.run(x), [None] * 4

    def run(i):
        found[i] = model.run(x)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((y == expected).all() for y in found)


@pytest.mark.parametrize(
    "x, error, says",
    [
        (np.zeros((1, 783), np.uint8), bnn.Error, "expected 784, found 783"),
        (np.zeros(784, np.uint8), bnn.Error, "[samples, ...]"),
        (np.zeros((1, 784), np.float32), TypeError, "float32"),
    ],
)
def test_samples_that_do_not_fit_are_refused(x, error, says):
    with pytest.raises(error) as raised:
        bnn.Model.open(model_file("fashion")).run(x)
    assert says in str(raised.value)


def test_damaged_files_are_refused(tmp_path):
    file = model_file("digits").read_bytes()
    for at in range(0, len(file), max(1, len(file) // 200)):
        damaged = bytearray(file)
        damaged[at] ^= 0x10
        with pytest.raises(bnn.Error):
            bnn.Model(bytes(damaged))
    for length in [0, 7, 8, 31, len(file) - 1]:
        with pytest.raises(bnn.Error):
            bnn.Model(file[:length])
    other = tmp_path / "other.bnn"
    other.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(bnn.Error, match="not a model file"):
        bnn.Model.open(other)
    with pytest.raises(FileNotFoundError):
        bnn.Model.open(tmp_path / "none")


def test_no_more_is_read_than_the_header_says(tmp_path):
    file = model_file("digits").read_bytes()
    path = tmp_path / "long.bnn"
    path.write_bytes(file)
    # Sparse: a terabyte of nothing after the model.
    os.truncate(path, 1 << 40)
    with pytest.raises(bnn.Error, match=f"has {1 << 40} bytes, expected {len(file)}"):
        bnn.Model.open(path)
    path.write_bytes(file[:-1])
    with pytest.raises(bnn.Error, match=f"has {len(file) - 1} bytes, expected {len(file)}"):
        bnn.Model.open(path)
    path.write_bytes(file[:20])
    with pytest.raises(bnn.Error):
        bnn.Model.open(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("more", [0, 1, 1 << 22])
def test_a_pipe_is_read_up_to_a_byte_after_its_model(tmp_path, more):
    path, file = tmp_path / "pipe", model_file("fashion").read_bytes()
    os.mkfifo(path)
    left = []

    def write():
        with open(path, "wb", buffering=0) as pipe:
            rest = memoryview(file + bytes(more))
            try:
                while rest:
                    rest = rest[pipe.write(rest) :]
            except BrokenPipeError:
                pass
            left.append(len(rest))

    writer = threading.Thread(target=write)
    writer.start()
    if more == 0:
        assert bnn.Model.open(path).file_bytes == len(file)
    else:
        with pytest.raises(bnn.Error):
            bnn.Model.open(path)
    writer.join()
    # What fits in buffers has been written.
    assert left[0] == 0 if more < 2 else left[0] > more // 2


def many_outputs():
    """A small file of a model with 2^30 outputs, each pixel of a large image or its opposite."""
    writer = _native.Writer(8)
    writer.conv2d(_native.Conv2d([1 << 15, 1 << 15, 1], 1, [1, 1]), bnn.pack(np.ones((1, 1))))
    return bnn.Model(writer.finish("class.0=a\nclass.1=b\n"))


def test_names_are_asked_of_the_file_and_not_of_each_output():
    model = many_outputs()
    assert model.file_bytes < 1500 and model.output_shape == (1 << 15, 1 << 15, 1)
    assert model.class_names is None


@pytest.mark.parametrize(
    "meta, names",
    [
        ("class.1=b\nclass.0=a\nx=y\n", ["a", "b"]),
        ("class.0=a\nclass.1=b\nclass.0=c\n", ["a", "b"]),
        ("class.0=a\nclass.2=b\nx=y\n", None),
        ("class.0=a\r\nclass.1=\\u{e9}=\\n\r\n", ["a", "\xe9=\n"]),
        ("class.0=a\x0bb\nclass.1=\u2028\n", ["a\x0bb", "\u2028"]),
        ("class.0=a\n", None),
        ("", None),
    ],
)
def test_names_are_those_of_the_first_line_for_each_class(meta, names):
    writer = _native.Writer(8)
    writer.dense(bnn.pack(np.ones((2, 3))), 3)
    assert bnn.Model(writer.finish(meta)).class_names == names


def test_a_hostile_file_with_a_right_checksum_is_refused():
    file = bytearray(model_file("digits").read_bytes())
    file[20:24] = struct.pack("<I", 2**31)  # the number of sections
    checksum = zlib.crc32(file[:16] + file[20:])
    file[16:20] = struct.pack("<I", checksum)
    with pytest.raises(bnn.Error):
        bnn.Model(bytes(file))
