"""Means that evaluate as model files do."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_export import numbers, scores_of, settle  # noqa: E402
from test_graph_export import Block  # noqa: E402
from torch import nn  # noqa: E402

import bnn_engine.torch as bt  # noqa: E402


def defined(x, kernel, stride, padding):
    """Pixel by pixel, row by row."""
    images, channels, height, width = x.shape
    (kh, kw), (sh, sw), (ph, pw) = kernel, stride, padding
    y = torch.empty(images, channels, (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1)
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            total, count = torch.zeros(images, channels), 0
            for a in range(i * sh - ph, i * sh - ph + kh):
                for b in range(j * sw - pw, j * sw - pw + kw):
                    if 0 <= a < height and 0 <= b < width:
                        total, count = total + x[:, :, a, b], count + 1
            y[:, :, i, j] = total / count
    return y


@pytest.mark.parametrize(
    "kernel, stride, padding",
    [(2, None, 0), (3, 1, 1), ((3, 2), (2, 3), (1, 1)), ((7, 5), None, 0), ((4, 5), 2, (2, 0)), (1, 2, 0)],
)
def test_means_in_evaluation_are_those_of_the_definition(kernel, stride, padding):
    torch.manual_seed(0)
    x, pool = torch.randn(2, 3, 7, 5), bt.AvgPool2d(kernel, stride, padding)
    both = [(v, v) if isinstance(v, int) else v for v in (kernel, pool.stride, padding)]
    expected = defined(x, *both)
    assert torch.equal(pool.eval()(x), expected)
    assert torch.equal(pool(x[0]), expected[0])
    assert torch.allclose(pool.train()(x), expected, atol=1e-6)
    whole = bt.GlobalAvgPool2d()
    assert torch.equal(whole.eval()(x), defined(x, (7, 5), (1, 1), (0, 0)))
    assert torch.allclose(whole.train()(x), whole.eval()(x), atol=1e-6)


def test_gradients_are_those_of_torch():
    x = torch.randn(2, 3, 7, 5, requires_grad=True)
    for pool in (bt.AvgPool2d(3, 2, 1), bt.GlobalAvgPool2d()):
        dy = torch.randn_like(pool.eval()(x))
        (ours,) = torch.autograd.grad(pool(x), x, dy)
        (theirs,) = torch.autograd.grad(pool.train()(x), x, dy)
        assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_windows_that_do_not_fit_are_refused_by_torch(training):
    for pool, x in [(bt.AvgPool2d(8), torch.randn(1, 1, 7, 9)), (bt.AvgPool2d(3, 1, 2), torch.randn(1, 1, 7, 9))]:
        with pytest.raises(RuntimeError):
            pool.train(training)(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(bt.Int8Conv2d(3, 8, 3, padding=1, bias=False), bt.BatchNorm2d(8))
        self.short, self.block, self.last = bt.AvgPool2d(3, 2, 1), Block(8, 2), Block(16)
        self.pool, self.head = bt.GlobalAvgPool2d(), bt.Int8Linear(24, 5)

    def forward(self, x):
        x = self.stem(x)
        y = torch.cat([self.last(self.block(x)), self.short(x)], dim=1)
        return self.head(torch.flatten(self.pool(y), 1))


@pytest.mark.parametrize("seed", range(6))
def test_files_of_networks_with_means_equal_the_network(seed):
    torch.manual_seed(seed)
    net, x = settle(Net(), seed=seed), numbers(50, 3, 12, 12, seed=seed)
    file = bt.export(net, x[:10])
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(file, x), net(x))


def test_means_compile_without_a_break():
    torch._dynamo.reset()
    net = nn.Sequential(bt.AvgPool2d(3, 2, 1), bt.GlobalAvgPool2d()).eval()
    x = torch.randn(2, 3, 9, 9)
    assert torch.equal(torch.compile(net, fullgraph=True, backend="aot_eager")(x), net(x))
