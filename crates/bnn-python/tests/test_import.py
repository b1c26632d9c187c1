"""Networks that others trained: those of the importer's own tests."""

import os
import pathlib
import shutil
import warnings

import numpy as np
import pytest

import bnn_engine as bnn

MODELS = pathlib.Path(__file__).parents[2] / "bnn-import" / "tests" / "models"


@pytest.mark.parametrize("name", ["mlp_where", "mlp_dynamo", "cnn_where", "cnn_dynamo", "qonnx"])
def test_scores_are_those_of_onnx_runtime(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = bnn.import_model(MODELS / f"{name}.onnx", tmp_path / "m.bnn")
    x = np.fromfile(MODELS / f"{name}.input", np.uint8).reshape(8, -1)
    expected = np.fromfile(MODELS / f"{name}.scores", "<f4").reshape(8, -1)
    assert np.allclose(model.run(x), expected, rtol=1e-4, atol=1e-4)
    assert (bnn.Model.open(tmp_path / "m.bnn").run(x) == model.run(x)).all()


def test_a_file_of_larq_compute_engine_has_its_scores():
    model = bnn.import_model(MODELS / "lce_chain.tflite")
    x = np.fromfile(MODELS / "lce_chain.input", np.uint8).reshape(8, -1)
    expected = np.fromfile(MODELS / "lce_chain.scores", "<f4").reshape(8, -1)
    assert np.allclose(model.run(x), expected, rtol=1e-4, atol=1e-4)


def test_means_and_deviations_are_those_of_the_network():
    x = np.fromfile(MODELS / "cnn_normed.input", np.uint8).reshape(8, -1)
    expected = np.fromfile(MODELS / "cnn_normed.scores", "<f4").reshape(8, -1)
    for mean, std in [(0.5, 0.25), ([0.5] * 3, [0.25] * 3)]:
        model = bnn.import_model(MODELS / "cnn_normed.onnx", mean=mean, std=std)
        assert np.allclose(model.run(x), expected, rtol=1e-4, atol=1e-4)


def test_what_a_model_cannot_hold_is_refused_by_name():
    with pytest.raises(bnn.Error, match="node_sigmoid of the type Sigmoid: .*does not know"):
        bnn.import_model(MODELS / "real.onnx")
    with pytest.raises(bnn.Error, match="signs of 0"):
        bnn.import_model(MODELS / "zeros.onnx")
    with pytest.warns(UserWarning, match="12 of 12 outputs"):
        bnn.import_model(MODELS / "zeros.onnx", sign_of_zero="plus")
    with pytest.raises(OSError, match="absent"):
        bnn.import_model("absent.onnx")
    with pytest.raises(bnn.Error, match="sign_of_zero"):
        bnn.import_model(MODELS / "zeros.onnx", sign_of_zero="minus")


def test_no_file_that_was_read_is_replaced(tmp_path):
    for name in ["cnn_dynamo.onnx", "cnn_dynamo.onnx.data"]:
        shutil.copy(MODELS / name, tmp_path / name)
    network = tmp_path / "cnn_dynamo.onnx"
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    os.symlink(network, tmp_path / "link")
    for out in ["cnn_dynamo.onnx", "cnn_dynamo.onnx.data", "./cnn_dynamo.onnx", "link"]:
        with pytest.raises(bnn.Error, match="would replace the input"):
            bnn.import_model(network, tmp_path / out)
    assert all(path.read_bytes() == bytes for path, bytes in before.items())
    # What was not read is replaced if it is a model, else by force.
    (tmp_path / "old.bnn").write_bytes(b"old")
    with pytest.raises(bnn.Error, match="old.bnn exists .* force=True"):
        bnn.import_model(network, tmp_path / "old.bnn")
    assert (tmp_path / "old.bnn").read_bytes() == b"old"
    bnn.import_model(network, tmp_path / "old.bnn", force=True)
    model = bnn.import_model(network, tmp_path / "old.bnn")
    assert bnn.Model.open(tmp_path / "old.bnn").input_shape == model.input_shape


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    file = (MODELS / "cnn_dynamo.onnx.data").read_bytes()
    shutil.copy(MODELS / "cnn_dynamo.onnx", tmp_path)
    (tmp_path / "cnn_dynamo.onnx.data").write_bytes(np.full(len(file) // 4, np.nan, "<f4").tobytes())
    with pytest.raises(bnn.Error, match="expected finite numbers, found NaN"):
        bnn.import_model(tmp_path / "cnn_dynamo.onnx")


@pytest.mark.skipif("BNN_MODELS" not in os.environ, reason="BNN_MODELS names no folder of trained networks")
def test_a_network_of_the_qonnx_model_zoo():
    model = bnn.import_model(pathlib.Path(os.environ["BNN_MODELS"]) / "TFC_1W1A.onnx")
    assert model.input_shape == (1, 1, 784) and model.input_type == "thresholds"
    assert model.run(np.zeros((1, 784), np.uint8)).shape == (1, 10)
