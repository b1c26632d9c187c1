"""Weights between these modules and the tape of the Rust crate: a file that the crate's tests read
(`bnn-autograd/tests/laws/weights.rs`), with what the network computes there."""

import json
import pathlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

import bnn_engine.torch as bt  # noqa: E402

VECTORS = pathlib.Path(__file__).parents[2] / "bnn-autograd" / "tests" / "vectors"
TYPES = dict(F64=torch.float64, F32=torch.float32, F16=torch.float16, BF16=torch.bfloat16, I64=torch.int64)


def safetensors(path):
    """A file as `safetensors.torch.load_file` gives it."""
    file = path.read_bytes()
    begin = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:begin])
    header.pop("__metadata__", None)
    tensors = {}
    for name, of in header.items():
        first, end = of["data_offsets"]
        data = torch.frombuffer(bytearray(file[begin + first : begin + end]), dtype=TYPES[of["dtype"]])
        tensors[name] = data.reshape(of["shape"])
    return tensors


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(5, 4), bt.BatchNorm1d(4)
        self.fc2 = bt.BinaryLinear(4, 3, bias=False)
        self.conv = bt.SignWeightConv2d(3, 2, (2, 5), bias=False)

    def forward(self, x):
        x = self.bn1(self.fc1(x))
        return x, self.fc2(x)


def test_a_file_of_weights_that_the_tape_reads_fits_by_name_and_computes_the_same():
    state = safetensors(VECTORS / "weights.safetensors")
    net = Net().eval()
    net.load_state_dict(state)
    # What the tape writes for PyTorch has no counters, and is taken nevertheless.
    del state["bn1.num_batches_tracked"]
    net.load_state_dict(state)
    expected = json.loads((VECTORS / "weights.json").read_text())
    x, normed, scores = (
        torch.tensor([float(value) for value in expected[name]["values"]]).reshape(expected[name]["shape"])
        for name in ("x", "normed", "scores")
    )
    with torch.no_grad():
        found = net(x)
    np.testing.assert_allclose(found[0], normed, rtol=1e-5, atol=1e-6)
    assert torch.equal(found[1], scores)
