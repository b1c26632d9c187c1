"""Models in ONNX Runtime: exported files give the model's scores, bit for bit, and nodes of the
domain `bnn` compute their definitions inside float networks."""

import importlib.util
import pathlib

import numpy as np
import pytest
from conftest import signs

import bnn_engine as bnn
from bnn_engine import onnxruntime as bo

ROOT = pathlib.Path(__file__).parents[3]
IMPORTED = ROOT / "crates" / "bnn-import" / "tests" / "models"

ort = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")


def session(file):
    options = bo.register(ort.SessionOptions())
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def check(model, rng, samples=9):
    height, width, channels = model.input_shape
    shape = (samples, channels) if (height, width) == (1, 1) else (samples, height, width, channels)
    x = rng.integers(0, 256, shape, np.uint8)
    scores = model.run(x.reshape(samples, -1))
    file = bo.export(model)
    (y,) = session(file).run(None, {"input": x})
    assert y.dtype == scores.dtype
    assert y.reshape(scores.shape).tobytes() == scores.tobytes()
    assert bo.export(model) == file


def test_a_chain_of_dense_layers(rng, tmp_path):
    x = rng.integers(0, 256, (300, 8, 9), np.uint8)
    trained = bnn.train(x, rng.integers(0, 3, 300), hidden=[70, 64], epochs=1)
    check(trained.model, rng)
    trained.save(tmp_path / "m.bnn")
    file = bo.export(tmp_path / "m.bnn", tmp_path / "m.onnx")
    assert bo.export(tmp_path / "m.bnn", tmp_path / "m.onnx") == file == (tmp_path / "m.onnx").read_bytes()
    (tmp_path / "m.onnx").write_bytes(b"of mine")
    with pytest.raises(bnn.Error, match="m.onnx exists .* force=True"):
        bo.export(tmp_path / "m.bnn", tmp_path / "m.onnx")
    assert bo.export(tmp_path / "m.bnn", tmp_path / "m.onnx", force=True) == (tmp_path / "m.onnx").read_bytes()
    # The model itself is never replaced.
    with pytest.raises(bnn.Error, match="would replace the input"):
        bo.export(tmp_path / "m.bnn", tmp_path / "m.bnn", force=True)
    assert (tmp_path / "m.bnn").read_bytes() == trained.file


def test_a_chain_of_convolutions_and_pools(rng):
    check(bnn.Model.open(ROOT / "firmware" / "models" / "fashion.bnn"), rng)


@pytest.mark.filterwarnings("ignore:a graph of real numbers")
@pytest.mark.parametrize(
    "file",
    [f"{name}.onnx" for name in ("mlp_where", "cnn_dynamo", "qonnx", "padded", "residual", "real_stem")]
    + ["larq_int8.tflite", "larq_operators_int8.tflite"],
)
def test_networks_of_the_importer(file, rng):
    """`residual` and `real_stem` are graphs: real stems, sums, means, rectifiers. Those of 8 bits round
    to integers by sums with a large number, which ONNX Runtime must not leave out."""
    scale = 1 / 16 if file.startswith("larq") else 1 / 255
    check(bnn.import_model(IMPORTED / file, scale=scale), rng)


def test_what_onnx_has_nothing_for_is_refused():
    # A network that is trained in fixed point.
    model = bnn.Model.open(ROOT / "firmware" / "models" / "residual.bnn")
    with pytest.raises(bnn.Error, match="node .*: fixed point"):
        bo.export(model)


@pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="the package onnx is not installed")
class TestNodes:
    """Nodes in networks that others make."""

    @staticmethod
    def one(op, inputs, constants, attributes, output=1):
        from onnx import helper, numpy_helper

        feeds = [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(inputs.dtype), None)]
        names = ["x", *constants]
        node = helper.make_node(op, names, ["y"], domain=bo.DOMAIN, **attributes)
        graph = helper.make_graph(
            [node],
            "one",
            feeds,
            [helper.make_tensor_value_info("y", output, None)],
            [numpy_helper.from_array(array, name) for name, array in constants.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(bo.DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return session(model.SerializeToString()).run(None, {"x": inputs})[0]

    @pytest.mark.parametrize("n, k", [(1, 1), (10, 63), (65, 64), (7, 65), (64, 200)])
    def test_binary_linear(self, n, k, rng):
        x = rng.standard_normal((2, 3, k)).astype(np.float32)
        w = rng.standard_normal((n, k))
        expected = signs(x) @ signs(w).T
        y = self.one("BinaryLinear", x, {"w": bnn.pack(w)}, {"channels": k})
        assert y.dtype == np.float32 and (y == expected).all()
        scale = rng.standard_normal(n).astype(np.float32)
        bias = rng.standard_normal(n).astype(np.float32)
        constants = {"w": bnn.pack(w), "scale": scale, "bias": bias}
        y = self.one("BinaryLinear", x, constants, {"channels": k})
        assert (y == expected.astype(np.float32) * scale + bias).all()
        thresholds = rng.integers(-k, k, n).astype(np.int32)
        words = self.one("BinaryLinearBits", bnn.pack(x), {"w": bnn.pack(w), "t": thresholds}, {"channels": k}, 13)
        assert (bnn.unpack(words, n) == np.where(expected >= thresholds, 1, -1)).all()

    @pytest.mark.parametrize("group, pad_value", [(1, 0), (2, -1), (2, 1)])
    def test_binary_conv2d(self, group, pad_value, rng):
        x = rng.standard_normal((2, 6, 5, 4)).astype(np.float32)
        w = rng.standard_normal((6, 3, 2, 4 // group))
        attributes = dict(
            channels=4, kernel_shape=[3, 2], strides=[1, 2], pads=[1, 0, 2, 1], group=group, pad_value=pad_value
        )
        y = self.one("BinaryConv2d", x, {"w": bnn.pack(w.reshape(6, -1))}, attributes)
        padded = np.pad(signs(x), ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=pad_value)
        expected = np.zeros((2, 7, 3, 6))
        for i in range(7):
            for j in range(3):
                window = padded[:, i : i + 3, 2 * j : 2 * j + 2]
                for o in range(6):
                    first = o // (6 // group) * (4 // group)
                    part = window[..., first : first + 4 // group]
                    expected[:, i, j, o] = (part * signs(w[o])).sum((1, 2, 3))
        assert y.shape == expected.shape and (y == expected).all()

    def test_signs(self, rng):
        x = rng.standard_normal((2, 3, 70)).astype(np.float32)
        x[0, 0, :3] = [np.nan, -0.0, 0.0]
        words = self.one("PackSigns", x, {}, {"channels": 70}, 13)
        assert (words == bnn.pack(x)).all()
        thresholds = rng.standard_normal(70).astype(np.float32)
        words = self.one("PackSigns", x, {"t": thresholds}, {"channels": 70}, 13)
        assert (bnn.unpack(words, 70) == np.where(x >= thresholds, 1, -1)).all()
        y = self.one("UnpackSigns", words, {}, {"channels": 70})
        assert (y == bnn.unpack(words, 70)).all()

    def test_what_is_wrong_is_said(self, rng):
        x, w = np.zeros((2, 64), np.float32), bnn.pack(np.ones((3, 64)))
        for message, op, inputs, constants, attributes in [
            ("channels: expected a number", "BinaryLinear", x, {"w": w}, {}),
            ("expected a row of 2 words", "BinaryLinear", x, {"w": w}, {"channels": 65}),
            ("expected a last side of 64", "BinaryLinear", x[:, :63], {"w": w}, {"channels": 64}),
            ("expected 3 numbers", "BinaryLinear", x, {"w": w, "s": np.ones(2, np.float32)}, {"channels": 64}),
            ("expected images", "BinaryConv2d", x, {"w": w}, {"channels": 64, "kernel_shape": [1, 1]}),
            ("pad_value: expected -1, 0 or 1, found 2", "BinaryConv2d", x, {"w": w},
             {"channels": 64, "kernel_shape": [1, 1], "pad_value": 2}),
            ("bit set after its last element", "BinaryLinear", x[:, :3], {"w": w}, {"channels": 3}),
        ]:  # fmt: skip
            with pytest.raises(Exception, match=message):
                self.one(op, inputs, constants, attributes)
