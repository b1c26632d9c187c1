"""Networks that others trained: those of the importer's own tests."""

import os
import pathlib
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


@pytest.mark.skipif("BNN_MODELS" not in os.environ, reason="BNN_MODELS names no folder of trained networks")
def test_a_network_of_the_qonnx_model_zoo():
    model = bnn.import_model(pathlib.Path(os.environ["BNN_MODELS"]) / "TFC_1W1A.onnx")
    assert model.input_shape == (1, 1, 784) and model.input_type == "thresholds"
    assert model.run(np.zeros((1, 784), np.uint8)).shape == (1, 10)
