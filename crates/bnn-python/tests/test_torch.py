"""The torch part against torch's own signs with a straight-through estimator."""

import copy
import os

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch.nn import functional as F  # noqa: E402

import bnn_engine  # noqa: E402
import bnn_engine.torch as bt  # noqa: E402


class Straight(torch.autograd.Function):
    """The definition: signs of floats, and the gradient where |x| <= clip."""

    @staticmethod
    def forward(ctx, x, clip):
        ctx.save_for_backward(x)
        ctx.clip = clip
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x.abs() <= ctx.clip), None


def straight_linear(x, w, b=None, clip=1.0):
    return F.linear(Straight.apply(x, clip), Straight.apply(w, float("inf")), b)


def straight_conv2d(x, w, b, stride, pads, dilation, groups, pad_value, clip=1.0):
    top, bottom, left, right = pads
    x = F.pad(Straight.apply(x, clip), (left, right, top, bottom), value=pad_value)
    return F.conv2d(x, Straight.apply(w, float("inf")), b, stride, 0, dilation, groups)


def integers(*shape, seed=0, grad=False):
    """Small integers over 4, of which sums are exact in any order; some of them 0."""
    generator = torch.Generator().manual_seed(seed + sum(shape))
    x = torch.randint(-8, 9, shape, generator=generator).float() / 4
    return x.requires_grad_(grad)


def same(ours, theirs, inputs, dy):
    """Outputs and gradients are equal, bit for bit."""
    assert torch.equal(ours, theirs)
    found = torch.autograd.grad(ours, inputs, dy)
    expected = torch.autograd.grad(theirs, inputs, dy)
    for a, b in zip(found, expected):
        assert torch.equal(a, b)


@pytest.mark.parametrize("leading", [(1,), (5,), (), (2, 3), (0,), (2, 0, 3)])
@pytest.mark.parametrize("n, k", [(1, 1), (33, 65), (10, 200)])
def test_linear_equals_the_definition(leading, n, k):
    x, w, b = integers(*leading, k, grad=True), integers(n, k, grad=True), integers(n, grad=True)
    ours, theirs = bt.binary_linear(x, w, b), straight_linear(x, w, b)
    same(ours, theirs, (x, w, b), integers(*leading, n, seed=9))
    with torch.no_grad():
        assert torch.equal(bt.binary_linear(x, w, b), theirs)
    function = bt.BinaryLinearFunction.apply(x, w) + b
    same(function, straight_linear(x, w, b), (x, w, b), integers(*leading, n, seed=9))


@pytest.mark.parametrize("clip", [0.5, 1.0, float("inf")])
def test_clip_is_where_the_gradient_passes(clip):
    x, w = integers(4, 70, grad=True), integers(3, 70, grad=True)
    same(bt.binary_linear(x, w, clip=clip), straight_linear(x, w, clip=clip), (x, w), integers(4, 3))


CONVOLUTIONS = [
    # channels, outputs, kernel, stride, padding, dilation, groups, pad_value
    (3, 8, (3, 3), 1, 1, 1, 1, 0),
    (64, 33, (3, 3), 1, "same", 1, 1, 0),
    (64, 32, (1, 1), 1, 0, 1, 1, 0),
    (5, 4, (2, 3), (2, 1), (1, 2), (1, 2), 1, 1),
    (6, 6, (3, 3), 2, (1, 0, 2, 1), 1, 6, -1),
    (8, 4, (3, 2), 1, "valid", 2, 2, 0),
]


@pytest.mark.parametrize("channels, outputs, kernel, stride, padding, dilation, groups, pad_value", CONVOLUTIONS)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_conv2d_equals_the_definition(
    channels, outputs, kernel, stride, padding, dilation, groups, pad_value, memory_format
):
    layer = bt.BinaryConv2d(
        channels, outputs, kernel, stride, padding, dilation, groups, pad_value=pad_value
    )
    with torch.no_grad():
        layer.weight.copy_(integers(*layer.weight.shape))
        layer.bias.copy_(integers(outputs))
    x = integers(2, channels, 9, 8).contiguous(memory_format=memory_format).requires_grad_()
    from bnn_engine.torch.functional import pads

    sides = pads(padding, kernel, layer.dilation)
    theirs = straight_conv2d(x, layer.weight, layer.bias, layer.stride, sides, layer.dilation, groups, pad_value)
    inputs, dy = (x, layer.weight, layer.bias), integers(*theirs.shape, seed=3)
    same(layer(x), theirs, inputs, dy)
    with torch.no_grad():
        assert torch.equal(layer(x), theirs)
    function = bt.BinaryConv2dFunction.apply(x, layer.weight, stride, padding, dilation, groups, pad_value)
    theirs = straight_conv2d(x, layer.weight, layer.bias, layer.stride, sides, layer.dilation, groups, pad_value)
    same(function + layer.bias.reshape(-1, 1, 1), theirs, inputs, dy)
    assert layer(x[:0]).shape == (0, *theirs.shape[1:])


def test_inputs_of_any_strides_are_taken():
    x, w = integers(70, 6).t(), integers(1, 70).expand(5, 70)
    assert torch.equal(bt.binary_linear(x, w), straight_linear(x, w))
    assert torch.equal(bt.binary_linear(x[::2], w), straight_linear(x[::2], w))


def test_saved_tensors_are_bits():
    x, w = torch.randn(128, 1024, requires_grad=True), torch.randn(256, 1024, requires_grad=True)
    kept = []

    def pack(t):
        kept.append(t.numel() * t.element_size())
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = bt.binary_linear(x, w)
    y.sum().backward()
    # Two bits for each element of x, one for each of w: 1/16 and 1/32 of the floats.
    assert sum(kept) == 128 * 1024 * 2 // 8 + 256 * 1024 // 8


def test_weights_may_change_before_the_backward_pass():
    x, w = integers(4, 70, grad=True), integers(3, 70, grad=True)
    y, expected = bt.binary_linear(x, w), straight_linear(x, w)
    dy = integers(4, 3)
    (expected,) = torch.autograd.grad(expected, x, dy)
    with torch.no_grad():
        w.neg_()
    (found,) = torch.autograd.grad(y, x, dy)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_modules_compile_without_a_break_and_give_the_same(backend):
    if backend == "inductor" and os.environ.get("BNN_SKIP_INDUCTOR"):
        pytest.skip("BNN_SKIP_INDUCTOR is set")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        bt.BinaryConv2d(3, 16, 3, padding=1), torch.nn.Flatten(), bt.BinaryLinear(16 * 36, 10)
    )
    other = copy.deepcopy(net)
    torch._dynamo.reset()  # of what other tests have compiled
    compiled = torch.compile(other, fullgraph=True, backend=backend)
    x = integers(4, 3, 6, 6)
    ours, theirs = net(x), compiled(x)
    assert torch.equal(ours, theirs)
    for y in (ours, theirs):
        y.square().sum().backward()
    for a, b in zip(net.parameters(), other.parameters()):
        assert torch.equal(a.grad, b.grad)
    with torch.no_grad():
        assert torch.equal(net(x), compiled(x))


def test_export_keeps_the_operators():
    net = torch.nn.Sequential(bt.BinaryLinear(70, 8), torch.nn.BatchNorm1d(8), bt.BinaryLinear(8, 3)).eval()
    x = integers(5, 70)
    batch = torch.export.Dim("batch", min=2)
    with torch.no_grad():
        program = torch.export.export(net, (x,), dynamic_shapes=({0: batch},))
    targets = [str(node.target) for node in program.graph.nodes]
    assert sum("bnn_engine.binary_linear" in target for target in targets) == 2
    assert torch.equal(program.module()(integers(9, 70)), net(integers(9, 70)))


@pytest.mark.parametrize("name", ["linear", "linear_saving", "conv2d", "conv2d_saving"])
def test_operators_pass_torchs_own_checks(name):
    from bnn_engine.torch import _operators

    if name.startswith("linear"):
        args = (integers(4, 70, grad=True), integers(3, 70, grad=True))
    else:
        args = (integers(2, 3, 6, 5, grad=True), integers(4, 3, 3, 3, grad=True), [1, 2], [1, 0, 1, 0], [1, 1], 1, 0)
    if name.endswith("saving"):
        args = (*args, 1.0)
        tests = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    else:
        args = tuple(a.detach() if isinstance(a, torch.Tensor) else a for a in args)
        tests = ("test_schema", "test_faketensor")
    torch.library.opcheck(getattr(_operators, name), args, test_utils=tests)


def test_forward_mode_agrees_with_reverse_mode():
    x, w = integers(5, 70), integers(4, 70)
    dx, dw, dy = integers(5, 70, seed=1), integers(4, 70, seed=2), integers(5, 4, seed=3)
    f = bt.BinaryLinearFunction.apply
    y, tangent = torch.func.jvp(f, (x, w), (dx, dw))
    assert torch.equal(y, straight_linear(x, w))
    _, vjp = torch.func.vjp(f, x, w)
    gx, gw = vjp(dy)
    assert (tangent * dy).sum() == (gx * dx).sum() + (gw * dw).sum()


def test_forward_mode_of_convolutions_agrees_with_reverse_mode():
    x, w = integers(2, 4, 6, 5), integers(6, 2, 3, 2)

    def f(x, w):
        return bt.BinaryConv2dFunction.apply(x, w, (2, 1), (1, 0, 1, 1), 1, 2, -1)

    dx, dw = integers(*x.shape, seed=1), integers(*w.shape, seed=2)
    y, tangent = torch.func.jvp(f, (x, w), (dx, dw))
    dy = integers(*y.shape, seed=3)
    gx, gw = torch.func.vjp(f, x, w)[1](dy)
    assert (tangent * dy).sum() == (gx * dx).sum() + (gw * dw).sum()


def test_vmap_equals_a_loop():
    f = bt.BinaryLinearFunction.apply
    x, w, many = integers(3, 5, 70), integers(4, 70), integers(3, 4, 70)
    assert torch.equal(torch.func.vmap(f, (0, None))(x, w), torch.stack([f(a, w) for a in x]))
    assert torch.equal(torch.func.vmap(f, (1, None))(x, w), torch.stack([f(a, w) for a in x.unbind(1)]))
    assert torch.equal(torch.func.vmap(f)(x, many), torch.stack([f(a, b) for a, b in zip(x, many)]))
    images, filters = integers(3, 2, 4, 5, 5), integers(6, 4, 3, 3)
    g = bt.BinaryConv2dFunction.apply
    assert torch.equal(torch.func.vmap(g, (0, None))(images, filters), torch.stack([g(a, filters) for a in images]))


def test_gradients_per_sample_are_those_of_each_sample():
    x, w = integers(6, 70), integers(4, 70)

    def loss(w, x):
        return (bt.BinaryLinearFunction.apply(x, w) * torch.arange(4.0)).sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(w, x)
    expected = torch.stack([torch.func.grad(loss)(w, a) for a in x])
    assert torch.equal(found, expected)


@pytest.mark.parametrize("layer", [bt.binary_linear, bt.BinaryLinearFunction.apply])
def test_gradients_of_gradients_are_errors(layer):
    x, w = integers(4, 70, grad=True), integers(3, 70, grad=True)
    (dx,) = torch.autograd.grad(layer(x, w).square().sum(), x, create_graph=True)
    with pytest.raises(Exception, match="(?i)gradient|backward|autograd"):
        torch.autograd.grad(dx.sum(), w)


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: bt.binary_linear(integers(2, 3).double(), integers(4, 3)), TypeError, "float64"),
        (lambda: bt.binary_linear(integers(2, 3).bfloat16(), integers(4, 3)), TypeError, "bfloat16"),
        (lambda: bt.binary_linear(integers(2, 3), integers(4, 3).to("meta")), Exception, "meta"),
        (lambda: bt.binary_linear(integers(2, 3), integers(4, 5)), bnn_engine.Error, "[4, 5]"),
        (lambda: bt.binary_linear(integers(2, 0), integers(4, 0)), bnn_engine.Error, "at least one"),
        (lambda: bt.binary_conv2d(integers(2, 3, 4), integers(4, 3, 1, 1)), bnn_engine.Error, "[2, 3, 4]"),
        (lambda: bt.binary_conv2d(integers(1, 3, 4, 4), integers(4, 2, 1, 1)), bnn_engine.Error, "found 3"),
        (lambda: bt.binary_conv2d(integers(1, 3, 4, 4), integers(4, 3, 5, 5)), bnn_engine.Error, "kernel"),
        (lambda: bt.BinaryConv2d(3, 4, 3, padding="full"), bnn_engine.Error, "'full'"),
        (
            lambda: bt.binary_conv2d(integers(1, 3, 4, 4), integers(4, 3, 3, 3), None, 2, "same"),
            bnn_engine.Error,
            "a stride of 1",
        ),
        (
            lambda: bt.BinaryConv2dFunction.apply(integers(1, 3, 4, 4), integers(4, 3, 3, 3), 2, "same"),
            bnn_engine.Error,
            "a stride of 1",
        ),
    ],
)
def test_bad_arguments_are_refused_in_words(call, error, says):
    with pytest.raises(error) as raised:
        call()
    assert says in str(raised.value)


def test_sign_follows_the_sign_law_and_is_straight_through():
    x = torch.tensor([0.0, -0.0, float("nan"), 0.5, -0.5, 1.0, -1.0, 1.5], requires_grad=True)
    y = bt.sign(x)
    assert y.tolist() == [1, 1, -1, 1, -1, 1, -1, 1]
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 1, 1, 1, 1, 0]


def test_embedding_gives_rows_of_signs():
    layer = bt.BinaryEmbedding(10, 7)
    index = torch.tensor([[1, 3], [3, 9]])
    y = layer(index)
    assert torch.equal(y, torch.where(layer.weight[index] >= 0, 1.0, -1.0))
    y.sum().backward()
    assert layer.weight.grad[3].tolist() == [2.0] * 7 and layer.weight.grad[0].tolist() == [0.0] * 7


def test_clamping_reaches_binary_weights_alone():
    net = torch.nn.Sequential(bt.BinaryLinear(3, 4), torch.nn.Linear(4, 2), bt.BinaryEmbedding(2, 2))
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(5.0)
    bt.clamp_weights_(net)
    assert net[0].weight.max() == 1 and net[2].weight.max() == 1
    assert net[0].bias.min() == 5 and net[1].weight.min() == 5
    assert [p is q for p, q in zip(bt.binary_parameters(net), [net[0].weight, net[2].weight])] == [True, True]


@pytest.mark.parametrize("optimizer", ["bop", "diode_mix", "adam"])
def test_a_network_learns_what_no_single_layer_can(optimizer):
    torch.manual_seed(1)
    points = torch.rand(512, 2) * 2 - 1
    labels = (points.prod(dim=1) < 0).long()
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 64),
        torch.nn.BatchNorm1d(64),
        bt.BinaryLinear(64, 64, bias=False),
        torch.nn.BatchNorm1d(64),
        bt.BinaryLinear(64, 2, bias=False),
        torch.nn.BatchNorm1d(2),
    )
    binary = list(bt.binary_parameters(net))
    rest = [p for p in net.parameters() if not any(p is b for b in binary)]
    optimizers = {
        "bop": lambda: [bt.Bop(binary, gamma=1e-2, threshold=1e-6), torch.optim.Adam(rest, 0.02)],
        "diode_mix": lambda: [bt.DiodeMix(binary, betas=(0.9, 0.99)), torch.optim.Adam(rest, 0.02)],
        "adam": lambda: [torch.optim.Adam(net.parameters(), 0.02)],
    }[optimizer]()
    for _ in range(150):
        loss = F.cross_entropy(net(points), labels)
        net.zero_grad()
        loss.backward()
        for each in optimizers:
            each.step()
        if optimizer == "adam":
            bt.clamp_weights_(net)
    if optimizer != "adam":
        assert all((w.abs() == 1).all() for w in binary)
    net.eval()
    with torch.no_grad():
        right = (net(points).argmax(dim=1) == labels).float().mean()
    assert right > 0.9, right


def test_optimizers_follow_their_papers():
    w = torch.nn.Parameter(torch.tensor([1.0, -1.0, 1.0]))
    bop = bt.Bop([w], gamma=0.5, threshold=0.2)
    w.grad = torch.tensor([1.0, 1.0, 0.2])
    bop.step()
    # The averages are .5, .5, .1: the first flips; the second has the other sign; the third is small.
    assert w.tolist() == [-1, -1, 1]
    w = torch.nn.Parameter(torch.tensor([0.5, -1.0, 0.0]))
    mix = bt.DiodeMix([w], lr=1.0, betas=(0.0, 0.75))
    w.grad = torch.tensor([1.0, 1.0, 1.0])
    mix.step()
    # s = .75 * -.5 + .25 = -.125; .75 + .25 = 1; 0 * .75 + .25.
    assert w.tolist() == [1, -1, -1]
    with pytest.raises(bnn_engine.Error, match="found 2"):
        bt.Bop([w], gamma=2)


def test_arrays_and_tensors_agree():
    x, w = integers(5, 70), integers(6, 70)
    arrays = bnn_engine.matmul(bnn_engine.pack(x.numpy()), bnn_engine.Weights.pack(w.numpy()))
    assert np.array_equal(arrays, bt.binary_linear(x, w).numpy())
