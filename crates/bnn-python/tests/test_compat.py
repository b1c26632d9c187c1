"""The names of bitorch-engine: its layouts, arguments and results, and the gradients that it lacks."""

import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.nn import functional as F  # noqa: E402

import bnn_engine  # noqa: E402
from bnn_engine.compat import bitorch_engine as bie  # noqa: E402
from test_torch import integers, same, straight_conv2d, straight_linear  # noqa: E402


def signs(x):
    return torch.where(x >= 0, 1.0, -1.0)


def test_linear_weights_are_bytes_of_eight_inputs_for_each_output():
    w = integers(5, 24)
    packed = bie.pack_linear(w)
    assert packed.dtype == torch.uint8 and packed.shape == (15,)
    for byte in range(3):
        for output in range(5):
            expected = sum(int(w[output, 8 * byte + bit] >= 0) << bit for bit in range(8))
            assert packed[5 * byte + output] == expected
    assert torch.equal(bie.unpack_linear(packed, 5, 24), signs(w))


def test_filters_are_bytes_in_the_order_of_their_elements():
    w = integers(2, 8, 3, 1)
    packed = bie.pack_rows(w)
    flat = w.flatten()
    assert [int(b) for b in packed] == [sum(int(flat[8 * i + j] >= 0) << j for j in range(8)) for i in range(6)]
    assert torch.equal(bie.unpack_rows(packed, w.shape), signs(w))
    with pytest.raises(bnn_engine.Error, match="multiple of 8"):
        bie.pack_rows(integers(2, 3))


@pytest.mark.parametrize("m, n, k", [(1, 20, 64), (7, 33, 136)])
def test_linear_takes_latent_and_packed_weights_and_packed_inputs(m, n, k):
    x, w = integers(m, k), integers(n, k)
    expected = straight_linear(x, w)
    forward = bie.BinaryLinearForward.apply
    assert torch.equal(forward(x, w, m, n, k), expected)
    assert torch.equal(forward(x, bie.pack_linear(w), m, n, k), expected)
    rows = torch.stack([bie.pack_rows(row) for row in x])
    assert torch.equal(forward(rows, bie.pack_linear(w), m, n, k), expected)
    assert torch.equal(forward(x.reshape(1, m, k), w, m, n, k), expected.reshape(1, m, n))


def test_linear_has_the_straight_through_gradients():
    x, w = integers(4, 72, grad=True), integers(5, 72, grad=True)
    same(bie.BinaryLinearForward.apply(x, w, 4, 5, 72), straight_linear(x, w), (x, w), integers(4, 5))


@pytest.mark.parametrize("kernel, stride, padding, dilation", [(1, 1, 0, 1), (3, 2, 1, 1), (3, 1, 2, 2), (1, 1, 3, 2)])
def test_convolutions_pad_with_minus_one(kernel, stride, padding, dilation):
    layer = bie.BinaryConv2dCPP(8, 6, kernel, stride, padding, dilation)
    layer.set_weight_data(integers(6, 8, kernel, kernel))
    x = integers(2, 8, 9, 9, grad=True)
    expected = straight_conv2d(x, layer.weight, None, stride, (padding,) * 4, dilation, 1, -1)
    same(layer(x), expected, (x, layer.weight), integers(*expected.shape))
    layer.eval()
    assert torch.equal(layer(x), expected) and layer.qweight.dtype == torch.uint8


def test_layers_use_latent_weights_in_training_and_packed_ones_after_it():
    net = torch.nn.Sequential(bie.BinaryLinearCPP(64, 16), bie.BinaryLinearCPP(16, 3))
    x = integers(4, 64)
    expected = net(x)
    bie.prepare_bie_layers(net)
    bie.pack_bie_layers(net)
    assert net[0].weight is None and net[0].qweight.numel() == 64 * 16 // 8
    assert torch.equal(net(x), expected)
    assert torch.equal(net.eval()(x), expected)


def test_bags_give_the_majority():
    bag = bie.BinaryEmbeddingBag(num_embeddings=9, embedding_dim=5, padding_idx=2)
    index = torch.tensor([[1, 4, 4], [2, 2, 2], [0, 3, 8]])
    y = bag(index)
    ones = (bag.weight[index] >= 0).sum(dim=1)
    assert torch.equal(y, torch.where(ones >= 2, 1.0, -1.0)) and (y[1] == -1).all()
    y.sum().backward()
    assert bag.weight.grad[4].tolist() == [2.0] * 5 and bag.weight.grad[2].tolist() == [0.0] * 5
    even = bag(torch.tensor([[1, 4]]))
    assert torch.equal(even, torch.where((bag.weight[[1, 4]] >= 0).sum(dim=0) >= 1, 1.0, -1.0)[None])


def test_wrong_sizes_are_refused_in_words():
    x, w = integers(4, 64), integers(5, 64)
    with pytest.raises(bnn_engine.Error, match="m: expected 4"):
        bie.BinaryLinearForward.apply(x, w, 3, 5, 64)
    with pytest.raises(bnn_engine.Error, match="weights: expected"):
        bie.BinaryLinearForward.apply(x, w, 4, 6, 64)
    with pytest.raises(bnn_engine.Error, match="padding_idx"):
        bie.BinaryEmbeddingBag(num_embeddings=3, embedding_dim=2, padding_idx=3)


def test_modules_are_found_by_the_names_that_bitorch_engine_imports(monkeypatch):
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    bie.install_extensions()
    bie.install_layers()
    linear = sys.modules["bitorch_engine.extensions.binary_linear_cpp"]
    x, w = integers(4, 64), integers(5, 64)
    assert torch.equal(linear.forward(x, linear.w_pack(w, 5, 64), 4, 5, 64), F.linear(signs(x), signs(w)))
    assert sys.modules["bitorch_engine.layers.qconv.binary.cpp"].BinaryConv2dCPP is bie.BinaryConv2dCPP
