"""Model files of torch networks with branches: equal to the network, bit for bit, or refused in words."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from test_export import numbers, scores_of, settle  # noqa: E402
from torch import nn  # noqa: E402

import bnn_engine as bnn  # noqa: E402
import bnn_engine.torch as bt  # noqa: E402


class Block(nn.Module):
    """A residual block of ReActNet's kind; with a stride, its shortcut is a mean, doubled in width."""

    def __init__(self, width, stride=1):
        super().__init__()
        self.conv = bt.BinaryConv2d(width, width, 3, stride, padding=1, pad_value=0, bias=False)
        self.norm, self.act = bt.BatchNorm2d(width), nn.PReLU(width)
        self.shortcut = nn.MaxPool2d(2) if stride == 2 else nn.Identity()
        self.wide = stride == 2

    def forward(self, x):
        y = self.act(self.norm(self.conv(x)) + self.shortcut(x))
        return torch.cat([y, torch.relu(y)], dim=1) if self.wide else y


class Net(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.stem = nn.Sequential(bt.SignWeightConv2d(3, 8, 3, stride=2, padding=1, bias=False), bt.BatchNorm2d(8))
        self.blocks = nn.Sequential(Block(8), Block(8, 2), Block(16), nn.Hardtanh(-2.0, 3.0))
        self.pool, self.head = nn.MaxPool2d(2, padding=1), head

    def forward(self, x):
        x = self.pool(self.blocks(self.stem(x)))
        return self.head(torch.flatten(x, 1))


def binary_head():
    return nn.Sequential(bt.BinaryLinear(16 * 2 * 2, 30, bias=True), bt.BatchNorm1d(30), bt.BinaryLinear(30, 5))


@pytest.mark.parametrize("seed", range(6))
def test_files_of_residual_networks_equal_the_network(seed):
    torch.manual_seed(seed)
    net, x = settle(Net(binary_head()), seed=seed), numbers(30, 3, 12, 11)
    file = bt.export(net, x[:10], class_names=list("abcde"))
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(file, x), net(x))
    assert bnn.Model(file).class_names == list("abcde")


class ByShape(Net):
    """Decides by a shape, and computes in place, which torch.fx does not follow."""

    def forward(self, x):
        x = self.blocks(self.stem(x))
        if x.shape[2] > 2:
            x = self.pool(x)
        x = torch.relu_(x + x)
        return self.head(x.flatten(1))


def test_a_network_that_decides_by_a_shape_is_followed_by_torch_export():
    torch.manual_seed(0)
    net, x = settle(ByShape(binary_head())), numbers(30, 3, 12, 11)
    file = bt.export(net, x)
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(file, x), net(x))

    class Scaled(ByShape):
        def __init__(self):
            super().__init__(binary_head())
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return super().forward(x) * self.scale

    with pytest.raises(bnn.Error, match="layer `scale`|layer `mul`"):
        bt.export(settle(Scaled()), x)


class Sum(nn.Module):
    """Two branches of bits."""

    def __init__(self):
        super().__init__()
        self.a, self.b = bt.BinaryLinear(70, 9), bt.BinaryLinear(70, 9, bias=False)

    def forward(self, x):
        return self.a(x) + self.b(x)


def test_branches_may_begin_at_an_input_of_bits():
    net, x = settle(Sum()), torch.randn(30, 70)
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(bt.export(net, x), x), net(x))


def test_real_layers_and_means_are_within_a_tolerance():
    torch.manual_seed(0)
    net, x = settle(Net(nn.Linear(16 * 2 * 2, 5))), numbers(30, 3, 12, 11)
    net.pool = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.AvgPool2d((2, 1)), nn.MaxPool2d((1, 2)))
    net.head = nn.Linear(16, 5)
    file = bt.export(net, x, tolerance=1e-5)
    net.eval()
    with torch.no_grad():
        scores = net(x)
    assert (scores_of(file, x) - scores).abs().max() <= 1e-5 * scores.abs().max()


class Own(nn.Module):
    """A network of one layer and a function."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.layer, self.function = layer or bt.BinaryLinear(64, 8, bias=False), function

    def forward(self, x):
        return self.function(self.layer(x))


@pytest.mark.parametrize(
    "net, says",
    [
        (Own(torch.sigmoid), "layer `sigmoid` (sigmoid) cannot be exported"),
        (Own(lambda x: x + 1), "layer `add` (add)"),
        (Own(lambda x: (x, x)), "its one output"),
        (Own(lambda x: x if x.sum() > 0 else -x), "torch.fx cannot follow it"),
        (Own(lambda x: x, nn.GELU()), "layer `layer` (GELU) cannot be exported: it changes the input"),
        (Own(nn.Sequential(nn.GELU())), "layer `function.0` (GELU)"),
        (Own(nn.Sequential(nn.ReLU(), bt.SignWeightLinear(8, 2))), "only the first layer may"),
        (Own(lambda x: torch.cat([x, x], 0)), "layer `cat` (cat)"),
    ],
)
def test_what_a_graph_cannot_hold_is_refused_by_name(net, says, tmp_path):
    with pytest.raises(bnn.Error) as raised:
        bt.export(net, torch.randn(4, 64), tmp_path / "net.bnn")
    assert says in str(raised.value)
    assert not list(tmp_path.iterdir())
