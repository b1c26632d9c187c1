"""What tests of the package share: definitions, element by element, that results must equal."""

import os

import numpy as np
import pytest


def signs(x):
    """The sign law: +1 where x >= 0, else -1; NaN is -1."""
    return np.where(np.asarray(x) >= 0, 1, -1)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def pytest_configure(config):
    """A tool that the environment promises is there, or the tests of it fail."""
    if "torch" in os.environ.get("BNN_REQUIRE", "").split(","):
        import h5py  # noqa: F401
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import torch  # noqa: F401
