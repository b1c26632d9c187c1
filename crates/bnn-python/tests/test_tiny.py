"""Tiny linear layers of tensors, which are read where they lie, compute what others do."""

import itertools

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.nn import functional as F  # noqa: E402

import bnn_engine  # noqa: E402
import bnn_engine.torch as bt  # noqa: E402
from bnn_engine import _native  # noqa: E402
from bnn_engine.torch import _eager, _operators  # noqa: E402

needs_table = pytest.mark.skipif(
    not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"), reason="this PyTorch has no table of DLPack"
)


def numbers(*shape, grad=False):
    """Some of them zeros of both signs, or NaN."""
    x = torch.randn(shape)
    x.flatten()[::5], x.flatten()[1::7], x.flatten()[2::11] = 0.0, -0.0, float("nan")
    return x.requires_grad_(grad)


def gradients(f, x, w, dy):
    y = f(x, w, 1.0)
    return y, *torch.autograd.grad(y, (x, w), dy)


def operator(x, w, clip):
    return _operators.linear_saving(x, w, clip)[0]


def is_tiny(y):
    return y.grad_fn.bits is not None


@needs_table
@pytest.mark.parametrize("m, n", list(itertools.product([1, 2, 9], [1, 4, 33])))
@pytest.mark.parametrize("k", [1, 7, 8, 63, 64, 65, 200, 513])
def test_tiny_layers_equal_operators_bit_for_bit(m, n, k):
    torch.manual_seed(m * n + k)
    x, w, dy = numbers(m, k, grad=True), numbers(n, k, grad=True), torch.randn(m, n)
    ours = gradients(_eager.Linear.apply, x, w, dy)
    assert is_tiny(ours[0]) == ((2 * m + n) * -(-k // 64) <= 512)
    for found, expected in zip(ours, gradients(operator, x, w, dy)):
        assert torch.equal(found, expected)
    assert torch.equal(_eager.linear(x, w), ours[0])


@needs_table
@pytest.mark.parametrize("rows", [253, 254, 255])
def test_the_largest_tiny_layer_and_the_next_one_equal_operators(rows):
    x, w, dy = numbers(rows, 3, grad=True), numbers(4, 3, grad=True), torch.randn(rows, 4)
    ours = gradients(_eager.Linear.apply, x, w, dy)
    assert is_tiny(ours[0]) == (rows <= 254)
    for found, expected in zip(ours, gradients(operator, x, w, dy)):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("leading", [(), (1,), (2, 3), (1, 2, 1, 2), (1,) * 8])
def test_leading_dimensions_stay(leading):
    x, w = numbers(*leading, 70, grad=True), numbers(3, 70, grad=True)
    dy = torch.randn(*leading, 3)
    for found, expected in zip(gradients(_eager.Linear.apply, x, w, dy), gradients(operator, x, w, dy)):
        assert found.shape == expected.shape and torch.equal(found, expected)


@pytest.mark.parametrize("of_input, of_weight", [(True, False), (False, True)])
def test_a_gradient_that_no_one_needs_is_not_computed(of_input, of_weight):
    x, w = numbers(2, 9, grad=of_input), numbers(3, 9, grad=of_weight)
    bt.binary_linear(x, w).sum().backward()
    assert (x.grad is not None, w.grad is not None) == (of_input, of_weight)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x.t().contiguous().t(),
        lambda x: x.repeat_interleave(2, 0)[::2],
        lambda x: torch.cat([x, x])[len(x) :],
        lambda x: torch.complex(torch.zeros_like(x), -x).conj().imag,
        lambda x: torch._neg_view(-x),
    ],
    ids=["columns", "strides", "an offset", "imaginary parts", "negated"],
)
@pytest.mark.parametrize("m", [1, 2])
def test_tensors_that_lie_otherwise_are_taken(other, m):
    x, w, dy = (numbers(*sizes) for sizes in [(m, 1), (4, 1), (m, 4)])
    dy = dy.nan_to_num()
    expected = gradients(_eager.Linear.apply, x.requires_grad_(), w.requires_grad_(), dy)
    with torch.no_grad():
        same = [other(each) for each in (x, w, dy)]
    for a, b in zip(same, (x, w, dy)):
        assert torch.equal(a.nan_to_num(7.0), b.detach().nan_to_num(7.0))
    xs, ws, dys = same
    found = gradients(lambda *args: bt.binary_linear(*args[:2]), xs.requires_grad_(), ws.requires_grad_(), dys)
    for a, b in zip(found, expected):
        assert torch.equal(a, b)


def test_a_jacobian_has_the_gradients_as_its_rows():
    x, w = numbers(1, 9), numbers(3, 9)
    jacobian = torch.autograd.functional.jacobian(lambda w: bt.binary_linear(x, w).flatten(), w)
    signs = torch.where(x[0] >= 0, 1.0, -1.0)
    assert torch.equal(jacobian, torch.einsum("ij,k->ijk", torch.eye(3), signs))


def test_gradients_in_a_transform_are_those_outside_it():
    """Functions of the graph may run within `vmap`, on tensors that have no memory of their own."""
    x, w, dys = numbers(2, 9, grad=True), numbers(3, 9, grad=True), torch.randn(5, 2, 3)
    y = bt.binary_linear(x, w)

    def gradient(dy):
        return torch.autograd.grad(y, (x, w), dy, retain_graph=True)

    batched, each = torch.func.vmap(gradient)(dys), [gradient(dy) for dy in dys]
    for found, expected in zip(batched, zip(*each)):
        assert torch.equal(found, torch.stack(expected))


def test_gradients_of_gradients_are_errors_of_ours():
    x, w = numbers(2, 9, grad=True), numbers(3, 9, grad=True)
    (dx,) = torch.autograd.grad(bt.binary_linear(x, w).square().sum(), x, create_graph=True)
    with pytest.raises(bnn_engine.Error, match="gradients of the gradients"):
        dx.sum().backward()


def test_new_tensors_are_on_the_cpu_whatever_the_default_device():
    x, w = numbers(2, 9, grad=True), numbers(3, 9, grad=True)
    with torch.device("meta"):
        y = bt.binary_linear(x, w)
        y.backward(torch.ones(2, 3, device="cpu"))
    assert y.device.type == x.grad.device.type == "cpu"


def test_results_live_on_without_their_inputs_and_are_ordinary_tensors():
    y = bt.binary_linear(torch.ones(1, 8), torch.ones(4, 8))
    torch.randn(1000)
    assert y.tolist() == [[8.0] * 4]
    y += 1
    assert torch.equal(y @ torch.ones(4, 1), torch.full((1, 1), 36.0))
    layer = bt.BinaryLinear(8, 4)
    layer(torch.ones(1, 8)).sum().backward()
    layer(torch.ones(1, 8)).sum().backward()
    assert torch.equal(layer.weight.grad, torch.full((4, 8), 2.0))


def test_the_native_function_leaves_what_it_does_not_know_to_others():
    tiny, x, w = _native.TinyLinear.of(torch.Tensor), torch.ones(2, 3), torch.ones(4, 3)
    if tiny is None:
        pytest.skip("this PyTorch has no table of DLPack")
    assert tiny.forward(x, w, 1.0) is not None
    one_row = w[0]  # an input, but no weights
    for other in [
        None,
        1,
        w.numpy(),
        w.double(),
        w.to("meta"),
        w.to_sparse(),
        w[:0],
        one_row,
        torch.ones(4, 2),
        torch.ones(3, 4).t(),
        torch.ones((1,) * 9),
        torch.tensor(1.0),
    ]:
        assert tiny.forward(x, other, 1.0) is None
        assert (tiny.forward(other, w, 1.0) is None) == (other is not one_row)
    _, bits = tiny.forward(x, w, 1.0)
    for dy in [None, torch.ones(2, 3), torch.ones(4, 2).t(), torch.ones(2, 4).half()]:
        assert tiny.gradients(dy, bits, True, True) is None
    for of in [int, bnn_engine.Weights]:
        assert _native.TinyLinear.of(of) is None


def test_tiny_layers_learn_as_floats_with_straight_through_gradients_do():
    torch.manual_seed(3)
    layer = bt.BinaryLinear(9, 2, bias=False)
    weight = layer.weight.detach().clone().requires_grad_()
    for step in range(20):
        x = torch.randint(-4, 5, (1, 9)).float()
        signs = weight + (torch.where(weight >= 0, 1.0, -1.0) - weight).detach()
        theirs = F.linear(torch.where(x >= 0, 1.0, -1.0), signs)
        ours = layer(x)
        assert torch.equal(ours, theirs)
        for y, w in ((ours, layer.weight), (theirs, weight)):
            w.grad = None
            y.sub(step % 3).square().sum().backward()
            with torch.no_grad():
                w -= w.grad / 64
        assert torch.equal(layer.weight, weight)


def test_without_a_table_of_dlpack_layers_compute_the_same(monkeypatch):
    x, w, dy = numbers(2, 9, grad=True), numbers(3, 9, grad=True), torch.randn(2, 3)
    ours, inference = gradients(_eager.Linear.apply, x, w, dy), _eager.linear(x, w)
    monkeypatch.setattr(_eager, "_tiny", _eager._NoTinyLinear())
    found = gradients(_eager.Linear.apply, x, w, dy)
    assert not is_tiny(found[0])
    for a, b in zip((*found, _eager.linear(x, w)), (*ours, inference)):
        assert torch.equal(a, b)
