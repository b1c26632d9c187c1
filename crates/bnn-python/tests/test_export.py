"""Model files of torch networks: equal to the network, bit for bit, or refused in words."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

import bnn_engine as bnn  # noqa: E402
import bnn_engine.torch as bt  # noqa: E402


def settle(net, *shape, seed=0):
    """Gives batch norms statistics, factors of both signs and zero, and biases."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            n = module.num_features
            with torch.no_grad():
                module.weight.copy_(torch.randn(n, generator=generator))
                module.weight[: n // 8] = 0
                module.bias.copy_(torch.randn(n, generator=generator))
                module.running_mean.copy_(torch.randn(n, generator=generator) * 5)
                module.running_var.copy_(torch.rand(n, generator=generator) * 20 + 0.1)
        elif isinstance(module, (bt.BinaryLinear, bt.BinaryConv2d)) and module.bias is not None:
            with torch.no_grad():
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator) * 3)
    return net


def numbers(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=generator).float()


def scores_of(file, x):
    rows = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)
    model = bnn.Model(file)
    y = model.run(rows.to(torch.uint8).numpy() if model.input_type == "u8" else rows.numpy())
    return torch.from_numpy(y.reshape(len(x), -1).astype("float32"))


def mlp():
    return nn.Sequential(
        bt.SignWeightLinear(64, 100, bias=False),
        nn.BatchNorm1d(100),
        nn.Hardtanh(),
        bt.BinaryLinear(100, 70),
        nn.Dropout(0.3),
        nn.BatchNorm1d(70),
        bt.BinaryLinear(70, 10, bias=False),
        bt.BatchNorm1d(10),
    )


def cnn():
    return nn.Sequential(
        nn.Sequential(bt.SignWeightConv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)),
        bt.BinaryConv2d(16, 24, 3, padding=1, pad_value=-1),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(24),
        bt.BinaryConv2d(24, 20, (3, 2), stride=2, bias=False),
        nn.BatchNorm2d(20),
        nn.MaxPool2d(3, stride=1, padding=1),
        nn.Flatten(),
        bt.BinaryLinear(20 * 2 * 3, 33, bias=False),
        nn.BatchNorm1d(33),
        bt.BinaryLinear(33, 5),
    )


@pytest.mark.parametrize("seed", range(8))
def test_files_of_dense_networks_equal_the_network(seed):
    torch.manual_seed(seed)
    net, x = settle(mlp(), seed=seed), numbers(200, 64)
    file = bt.export(net, x[:100])
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(file, x), net(x))


@pytest.mark.parametrize("seed", range(8))
def test_files_of_convolutions_equal_the_network(seed):
    torch.manual_seed(seed)
    net, x = settle(cnn(), seed=seed), numbers(40, 3, 10, 12)
    file = bt.export(net, x[:20])
    net.eval()
    with torch.no_grad():
        assert torch.equal(scores_of(file, x), net(x))


def test_a_network_of_bits_gives_sums():
    net, x = nn.Sequential(bt.BinaryLinear(70, 9, bias=False)), torch.randn(30, 70)
    file = bt.export(net, x)
    assert bnn.Model(file).output_type == "int32"
    assert torch.equal(scores_of(file, x), net(x))


def test_modes_are_what_they_were_and_names_come_back(tmp_path):
    net, x = settle(mlp()), numbers(10, 64)
    net[1].eval()
    names = [f"class {i}" for i in range(8)] + ["driver's\nlicense", "C:\\new = 日本"]
    path = tmp_path / "net.bnn"
    path.write_bytes(b"before")
    with pytest.raises(bnn.Error, match="net.bnn exists .* force=True"):
        bt.export(net, x, path)
    assert path.read_bytes() == b"before"
    bt.export(net, x, path, force=True)
    # A model replaces a model.
    file = bt.export(net, x, path, class_names=names, meta={"made by": "a test"})
    assert path.read_bytes() == file and [p.name for p in tmp_path.iterdir()] == ["net.bnn"]
    assert net[0].training and not net[1].training
    model = bnn.Model.open(path)
    assert model.class_names == names and model.meta["made by"] == "a test"


class Residual(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + 1


@pytest.mark.parametrize(
    "net, x, says",
    [
        (nn.Sequential(nn.Linear(64, 8), bt.BinaryLinear(8, 2)), numbers(4, 64), "layer `0` (Linear)"),
        (nn.Sequential(nn.Sequential(bt.BinaryLinear(64, 8), nn.GELU())), numbers(4, 64), "layer `0.1` (GELU)"),
        (nn.Sequential(bt.BinaryLinear(64, 8), nn.ReLU()), numbers(4, 64), "sign +1"),
        (nn.Sequential(nn.BatchNorm1d(64), bt.BinaryLinear(64, 8)), numbers(4, 64), "changes the input"),
        (nn.Sequential(bt.BinaryLinear(64, 8), bt.SignWeightLinear(8, 2)), numbers(4, 64), "only the first layer"),
        (nn.Sequential(bt.BinaryLinear(64, 8), nn.Hardtanh()), numbers(4, 64), "ends with it"),
        (nn.Sequential(bt.BinaryLinear(64, 8)), numbers(0, 64), "at least one"),
        (nn.Sequential(bt.SignWeightLinear(64, 8)), numbers(4, 64) + 0.5, "expected integers from 0 to 255"),
        (nn.Sequential(nn.Flatten()), numbers(4, 64), "no layer with binary weights"),
        (Residual(bt.BinaryLinear(64, 8, bias=False)), numbers(4, 64), "differ in 4 of 4 samples"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_by_name(net, x, says, tmp_path):
    with pytest.raises(bnn.Error) as raised:
        bt.export(net, x, tmp_path / "net.bnn")
    assert says in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_refused():
    net = nn.Sequential(bt.BinaryLinear(64, 8))
    with torch.no_grad():
        net[0].weight[3, 3] = float("nan")
    with pytest.raises(bnn.Error, match="not finite"):
        bt.export(net, numbers(4, 64))


def test_rounding_of_torchs_own_batch_norm_is_told_or_allowed():
    net, x = settle(nn.Sequential(bt.BinaryLinear(700, 64, bias=True), nn.BatchNorm1d(64))), torch.randn(50, 700)
    with pytest.raises(bnn.Error, match="tolerance"):
        bt.export(net, x)
    file = bt.export(net, x, tolerance=1e-5)
    net.eval()
    with torch.no_grad():
        assert torch.allclose(scores_of(file, x), net(x), rtol=1e-4, atol=1e-4)
