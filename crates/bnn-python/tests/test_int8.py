"""Layers with weights of 8 bits: the quantizer, sums of a model file, and files equal to the network."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_export import numbers, scores_of, settle  # noqa: E402
from test_graph_export import Block  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import bnn_engine as bnn  # noqa: E402
import bnn_engine.torch as bt  # noqa: E402
from bnn_engine.torch.int8 import int8_weights  # noqa: E402


def defined(weight):
    """Integers and scales, one by one."""
    integers, scales = np.zeros_like(weight), np.ones(len(weight), np.float32)
    for i, row in enumerate(weight.reshape(len(weight), -1)):
        scale = np.abs(row).max() / np.float32(127)
        scales[i] = scale if scale > 0 else 1
        for j, w in enumerate(row):
            # `round` rounds halves to even.
            integers.reshape(len(weight), -1)[i, j] = min(127, max(-127, round(float(w / scales[i]))))
    return integers, scales


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (5, 4, 3, 2)])
def test_integers_and_scales_are_those_of_the_definition(shape):
    torch.manual_seed(sum(shape))
    weight = torch.randn(shape)
    weight[-1] *= 1e-30
    integers, scales = int8_weights(weight)
    expected = defined(weight.numpy())
    assert np.array_equal(integers.numpy(), expected[0]) and np.array_equal(scales.numpy(), expected[1])
    assert integers.abs().flatten(1).amax(1).tolist() == [127.0] * shape[0]


def test_halves_go_to_even_and_weights_of_zero_or_next_to_it_have_a_scale_of_one():
    smallest = math.ldexp(1, -149)
    rows = [[127, 0.5, 1.5, -2.5], [0, -0.0, 0, 0], [smallest, 0, -smallest, 0]]
    integers, scales = int8_weights(torch.tensor(rows))
    assert scales.tolist() == [1, 1, 1]
    assert integers.tolist() == [[127, 0, 2, -2], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_gradients_pass_straight_and_scales_are_constants():
    x, layer = numbers(6, 9), bt.Int8Linear(9, 4)
    scales, dy = int8_weights(layer.weight)[1], torch.randn(6, 4)
    for training in (True, False):
        layer.train(training).zero_grad()
        (given,) = torch.autograd.grad(layer(x.requires_grad_()), x, dy, retain_graph=True)
        layer(x).backward(dy)
        integers = int8_weights(layer.weight)[0]
        assert torch.allclose(given, (dy * scales) @ integers, rtol=1e-5)
        assert torch.allclose(layer.weight.grad, (dy * scales).T @ x / scales[:, None], rtol=1e-4, atol=1e-3)
        assert torch.allclose(layer.bias.grad, dy.sum(0))


@pytest.mark.parametrize("leading", [(), (1,), (7,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("n, k", [(1, 1), (10, 33), (3, 200)])
def test_sums_in_evaluation_are_in_the_order_of_a_row(leading, n, k):
    torch.manual_seed(n + k)
    layer, x = bt.Int8Linear(k, n).eval(), torch.randn(*leading, k)
    nn.init.normal_(layer.bias)
    integers, scales = int8_weights(layer.weight)
    sums = torch.zeros(*leading, n)
    for j in range(k):
        sums = sums + x[..., j, None] * integers[:, j]
    with torch.no_grad():
        assert torch.equal(layer(x), sums * scales + layer.bias)
        assert torch.allclose(layer.train()(x), sums * scales + layer.bias, rtol=1e-4, atol=1e-4)


def test_sums_of_bytes_are_those_of_integers():
    x, layer = numbers(3, 5, 9, 8), bt.Int8Conv2d(5, 6, (3, 2), 2, (1, 0), bias=False)
    integers, scales = int8_weights(layer.weight)
    sums = F.conv2d(x.long(), integers.long(), None, 2, (1, 0))
    with torch.no_grad():
        for training in (True, False):
            assert torch.equal(layer.train(training)(x), sums.float() * scales.reshape(-1, 1, 1))


def stem():
    return nn.Sequential(bt.Int8Conv2d(3, 8, 3, stride=2, padding=1), bt.BatchNorm2d(8))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("training", [True, False])
def test_layers_compile_without_a_break_and_give_the_same(backend, training):
    net = nn.Sequential(bt.Int8Conv2d(3, 4, 3), nn.Flatten(), bt.Int8Linear(4 * 16, 5)).train(training)
    other = copy.deepcopy(net)
    torch._dynamo.reset()  # of what other tests have compiled
    compiled = torch.compile(other, fullgraph=True, backend=backend)
    x = numbers(4, 3, 6, 6)
    ours, theirs = net(x), compiled(x)
    assert torch.equal(ours, theirs)
    for y in (ours, theirs):
        y.square().sum().backward()
    for a, b in zip(net.parameters(), other.parameters()):
        assert torch.equal(a.grad, b.grad)


def test_export_of_torch_keeps_the_operator():
    layer, x = bt.Int8Linear(9, 4).eval(), torch.randn(5, 9)
    with torch.no_grad():
        program = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    more = torch.randn(8, 9)
    assert torch.equal(program.module()(more), layer(more))


def test_the_operator_passes_torchs_own_checks():
    from bnn_engine.torch import _operators

    args = (torch.randn(4, 70, requires_grad=True), torch.randn(3, 70, requires_grad=True))
    tests = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    torch.library.opcheck(_operators.ordered_linear, args, test_utils=tests)


def test_transforms_know_layers_in_training():
    layer, x = bt.Int8Linear(9, 4), torch.randn(5, 9)
    y, tangent = torch.func.jvp(layer, (x,), (torch.ones(5, 9),))
    integers, scales = int8_weights(layer.weight)
    assert torch.equal(y, layer(x)) and torch.allclose(tangent[0], integers.sum(1) * scales)
    assert torch.allclose(torch.func.vmap(layer)(x), y)


def test_weights_of_8_bits_are_no_binary_ones():
    net = nn.Sequential(bt.Int8Linear(3, 4), bt.BinaryLinear(4, 2))
    assert list(bt.binary_parameters(net)) == [net[1].weight]


class Net(nn.Module):
    def __init__(self, stem, head):
        super().__init__()
        self.stem, self.head = stem, head
        self.blocks, self.pool = nn.Sequential(Block(8), Block(8, 2), Block(16)), nn.MaxPool2d(3)

    def forward(self, x):
        return self.head(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bias", [True, False])
def test_files_of_networks_with_8_bits_at_both_ends_equal_the_network(seed, bias, tmp_path):
    torch.manual_seed(seed)
    net, x = settle(Net(stem(), bt.Int8Linear(16, 5, bias=bias)), seed=seed), numbers(50, 3, 12, 11)
    if bias:
        nn.init.normal_(net.stem[0].bias)
        nn.init.normal_(net.head.bias)
    file = bt.export(net, x[:10], tmp_path / "net.bnn", class_names=list("abcde"))
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(file, x), net(x))
    model = bnn.Model.open(tmp_path / "net.bnn")
    assert model.class_names == list("abcde") and model.input_type == "u8"


def test_sequences_with_8_bits_are_graphs_and_equal_the_network():
    torch.manual_seed(1)
    dense = nn.Sequential(
        bt.Int8Linear(64, 40),
        nn.Hardtanh(-50, 50),
        bt.BinaryLinear(40, 30, bias=False),
        nn.Dropout(0.5),
        bt.BatchNorm1d(30),
        nn.PReLU(30),
        bt.Int8Linear(30, 10),
    )
    images = nn.Sequential(stem(), bt.BinaryConv2d(8, 4, 3), nn.Flatten(), bt.BinaryLinear(4 * 4 * 3, 5))
    for net, x in [(dense, numbers(200, 64)), (images, numbers(50, 3, 12, 10)), (bt.Int8Linear(64, 3), numbers(50, 64))]:
        file = bt.export(settle(net), x[:20])
        net.eval()
        with torch.no_grad():
            assert torch.equal(scores_of(file, x), net(x))


def test_fewer_bits_of_inputs_allow_larger_sums():
    wide = nn.Sequential(bt.Int8Linear(3000, 2, bias=False))
    nn.init.constant_(wide[0].weight, 1.0)
    x = numbers(5, 3000) // 16
    with pytest.raises(bnn.Error, match=r"layer `0` \(Int8Linear\) cannot be exported: its sums can exceed 2\*\*24"):
        bt.export(wide, x)
    model = bnn.Model(bt.export(wide, x, input_bits=4))
    scores = torch.from_numpy(model.run(x.to(torch.uint8).numpy()))
    with torch.no_grad():
        assert torch.equal(scores, wide.eval()(x))


def spoilt(net):
    with torch.no_grad():
        net[0].weight.view(-1)[0] = math.nan
    return net


@pytest.mark.parametrize(
    "net, says",
    [
        (lambda: nn.Sequential(stem(), bt.Int8Conv2d(8, 2, 1)), "layer `1` (Int8Conv2d) cannot be exported: it is a"),
        (lambda: spoilt(stem()), "layer `0` (Int8Conv2d) cannot be exported: it has weights that are not finite"),
        (lambda: nn.Sequential(stem(), bt.Int8Linear(5, 2)), "layer `1` (Int8Linear) cannot be exported: it takes rows"),
        (
            lambda: nn.Sequential(bt.Int8Conv2d(3, 2, 3, padding=1, padding_mode="reflect")),
            "padding_mode: expected 'zeros', found 'reflect'",
        ),
        (lambda: nn.Sequential(nn.ReLU(), bt.Int8Conv2d(3, 2, 3)), "layer `0` (ReLU) cannot be exported: it changes"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_by_name(net, says, tmp_path):
    with pytest.raises(bnn.Error) as raised:
        bt.export(net(), numbers(4, 3, 10, 10), tmp_path / "net.bnn")
    assert says in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_other_dtypes_are_refused_in_words_by_the_operator():
    from bnn_engine.torch import _operators

    with pytest.raises(TypeError, match="float64"):
        _operators.ordered_linear(torch.randn(2, 3).double(), torch.randn(4, 3))
    with pytest.raises(bnn.Error, match=r"found \[2, 3\] and \[4, 5\]"):
        _operators.ordered_linear(torch.randn(2, 3), torch.randn(4, 5))
    # The layer computes in the dtype that it is given.
    assert bt.Int8Linear(3, 2).double().eval()(torch.randn(2, 3).double()).dtype == torch.float64
