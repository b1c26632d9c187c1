"""Networks of Larq as Keras saves them in HDF5: built here as it lays them out, beside their definition in
numpy, and trained ones."""

import copy
import functools
import json
import pathlib
import shutil
import warnings

import numpy as np
import pytest
from conftest import signs

import bnn_engine as bnn
from bnn_engine import _keras

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

MODELS = pathlib.Path(__file__).parents[2] / "bnn-import" / "tests" / "models"
SIGN = {"class_name": "SteSign", "config": {"clip_value": 1.0}}


def conv(x, w, stride=1, same=False, value=0.0, depthwise=False):
    """`x` [n, height, width, channels], `w` [kh, kw, in, out]."""
    kh, kw, _, n = w.shape
    if same:
        sides = [(0, 0)]
        for size, k in zip(x.shape[1:3], (kh, kw)):
            total = max((-(-size // stride) - 1) * stride + k - size, 0)
            sides.append((total // 2, total - total // 2))
        x = np.pad(x, [*sides, (0, 0)], constant_values=value)
    rows, columns = [(size - k) // stride + 1 for size, k in zip(x.shape[1:3], (kh, kw))]
    y = np.zeros((len(x), rows, columns, n))
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            if depthwise:
                y[:, i, j] = np.einsum("nhwc,hwcm->ncm", window, w.reshape(kh, kw, x.shape[3], -1)).reshape(len(x), n)
            else:
                y[:, i, j] = np.einsum("nhwc,hwco->no", window, w)
    return y


def pool(x):
    n, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2, channels)
    return x.max((2, 4))


class Net:
    """Layers that are described for Keras and computed."""

    def __init__(self, seed, shape):
        self.rng, self.layers, self.weights, self.shape = np.random.default_rng(seed), [], {}, shape
        self.bytes = self.rng.integers(0, 256, (8, *shape), np.uint8)

    def layer(self, kind, name, weights=None, inputs=None, **config):
        self.layers.append({"class_name": kind, "name": name, "config": {"name": name, **config}})
        if inputs is not None:
            self.layers[-1]["inbound_nodes"] = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        self.weights[name] = weights or {}

    def norm(self, name, channels, **more):
        gamma, beta, mean = self.rng.standard_normal((3, channels)).astype(np.float32)
        variance = self.rng.uniform(0.5, 9, channels).astype(np.float32)
        weights = dict(gamma=gamma, beta=beta, moving_mean=mean, moving_variance=variance)
        self.layer("BatchNormalization", name, weights, axis=[-1], epsilon=1e-3, **more)
        return lambda x: (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def kernel(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def save(self, path, kind, **more):
        config = {"name": "net", "layers": self.layers, **more}
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps({"class_name": kind, "config": config})
            for name, weights in self.weights.items():
                group = file.create_group(f"model_weights/{name}")
                names = [f"{name}/{key}:0" for key in weights]
                group.attrs["weight_names"] = [full.encode() for full in names]
                for full, array in zip(names, weights.values()):
                    group.create_dataset(full, data=array)


def check(net, path, expected, *, is_graph):
    if is_graph:
        with pytest.warns(UserWarning, match="a graph"):
            model = bnn.import_model(path)
    else:
        model = bnn.import_model(path)
    scores = model.run(net.bytes.reshape(8, -1))
    assert np.allclose(scores, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_sequential_network(tmp_path):
    net = Net(1, (10, 9, 3))
    x = net.bytes / 255
    same = dict(strides=[1, 1], dilation_rate=[1, 1], data_format="channels_last", activation="linear", groups=1)
    a, b, c = net.kernel(3, 3, 3, 20), net.kernel(3, 3, 20, 24), net.kernel(4 * 3 * 24, 6)
    shape = [None, *net.shape]
    net.layer(
        "QuantConv2D", "stem", dict(kernel=a), batch_input_shape=shape, kernel_quantizer="ste_sign",
        input_quantizer=None, padding="valid", pad_values=0.0, use_bias=False, **same,
    )  # fmt: skip
    x = conv(x, signs(a))
    x = net.norm("norm1", 20)(x)
    net.layer(
        "QuantConv2D", "conv", dict(kernel=b), kernel_quantizer=SIGN, input_quantizer=SIGN,
        padding="same", pad_values=1.0, use_bias=False, **same,
    )  # fmt: skip
    x = conv(signs(x), signs(b), same=True, value=1.0)
    net.layer("MaxPooling2D", "pool", pool_size=[2, 2], strides=[2, 2], padding="valid", data_format="channels_last")
    x = net.norm("norm2", 24)(pool(x))
    net.layer("Flatten", "flatten", data_format="channels_last")
    bias = net.kernel(6)
    net.layer(
        "QuantDense", "dense", dict(kernel=c, bias=bias), kernel_quantizer="ste_sign", input_quantizer="ste_sign",
        activation="linear",
    )  # fmt: skip
    x = signs(x.reshape(8, -1)) @ signs(c) + bias
    x = net.norm("norm3", 6)(x)
    net.layer("Activation", "softmax", activation="softmax")
    net.save(tmp_path / "net.h5", "Sequential")
    check(net, tmp_path / "net.h5", x, is_graph=False)


def residual(net, path):
    plain = dict(dilation_rate=[1, 1], data_format="channels_last", padding="same", groups=1)
    a, b, c, d = net.kernel(3, 3, 3, 8), net.kernel(3, 3, 8, 8), net.kernel(3, 3, 8, 1), net.kernel(16, 5)
    bias, bias2 = net.kernel(8), net.kernel(5)
    net.layer("InputLayer", "input_1", inputs=[], batch_input_shape=[None, *net.shape])
    net.layer(
        "Conv2D", "stem", dict(kernel=a, bias=bias), inputs=["input_1"], strides=[2, 2], activation="relu", **plain
    )
    x = np.maximum(conv(net.bytes / 255, a, 2, same=True) + bias, 0) - 0
    y = net.norm("norm", 8, inputs=None)(x)
    net.layers[-1]["inbound_nodes"] = [[["stem", 0, 0, {}]]]
    quantized = dict(kernel_quantizer="magnitude_aware_sign", input_quantizer="ste_sign", use_bias=False)
    net.layer("QuantConv2D", "conv", dict(kernel=b), inputs=["norm"], strides=[1, 1], activation="linear",
              pad_values=0.0, **quantized, **plain)  # fmt: skip
    y = conv(signs(y), signs(b) * np.abs(b).mean((0, 1, 2)), same=True)
    slopes = net.rng.uniform(-0.5, 0.5, (1, 1, 8)).astype(np.float32)
    net.layer("PReLU", "prelu", dict(alpha=slopes), inputs=["conv"], shared_axes=[1, 2])
    y = np.where(y >= 0, y, slopes * y)
    net.layer("Add", "add", inputs=["prelu", "stem"])
    x = y + x
    net.layer("DepthwiseConv2D", "depthwise", dict(depthwise_kernel=c), inputs=["add"], strides=[1, 1],
              activation="linear", **plain)  # fmt: skip
    y = conv(x, c.reshape(3, 3, 1, 8), same=True, depthwise=True)
    net.layer("Concatenate", "concat", inputs=["add", "depthwise"], axis=-1)
    x = np.concatenate([x, y], -1).mean((1, 2))
    net.layer("GlobalAveragePooling2D", "mean", inputs=["concat"], data_format="channels_last")
    net.layer("Dense", "dense", dict(kernel=d, bias=bias2), inputs=["mean"], activation="linear")
    net.save(path, "Functional", input_layers=[["input_1", 0, 0]], output_layers=[["dense", 0, 0]])
    return x @ d + bias2


def test_a_residual_network(tmp_path):
    net = Net(2, (11, 12, 3))
    expected = residual(net, tmp_path / "net.h5")
    check(net, tmp_path / "net.h5", expected, is_graph=True)


def plus(layers):
    """`x + y` in place of the layer `Add`, as Larq's QuickNet has it."""
    add = next(layer for layer in layers if layer["class_name"] == "Add")
    add["class_name"], add["config"]["function"] = "TFOpLambda", "__operators__.add"
    ((a, b),) = add["inbound_nodes"]
    add["inbound_nodes"] = [[*a[:3], {"y": b[:3], "name": None}]]
    return add


def changed(path, change):
    """Changes the description that is in a file."""
    with h5py.File(path, "r+") as file:
        model = json.loads(file.attrs["model_config"])
        change(model["config"]["layers"])
        file.attrs["model_config"] = json.dumps(model)


def test_sums_by_an_operator_are_those_of_a_layer(tmp_path):
    net, path = Net(2, (11, 12, 3)), tmp_path / "net.h5"
    expected = residual(net, path)
    changed(path, plus)
    check(net, path, expected, is_graph=True)


@pytest.mark.parametrize("name, is_graph", [("larq_chain", False), ("larq_quicknet", True)])
def test_networks_that_larq_has_trained_and_keras_has_saved_have_their_shares(name, is_graph):
    """Those of the importer's own tests (`make_larq.py`), on all test samples of the digits. Keras computed
    the same shares, to 1e-4, as the interpreter of Larq Compute Engine, which are kept."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        model = bnn.import_model(MODELS / f"{name}.h5", scale=1 / 16)
    assert any("a graph" in str(warning.message) for warning in warned) == is_graph
    scores = model.run(np.fromfile(MODELS / "larq.input", np.uint8).reshape(360, 64)).astype(np.float64)
    expected = np.fromfile(MODELS / f"{name}.shares", "<f4").reshape(360, 10)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    assert np.abs(powers / powers.sum(1, keepdims=True) - expected).max() < 2e-4
    assert (scores.argmax(1) == expected.argmax(1)).all()


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda layers: layers[3]["config"].update(kernel_quantizer="ste_tern"), "layer conv of the type QuantConv2D: the kernel quantizer ste_tern"),
        (lambda layers: layers[4].update(class_name="ELU"), "layer prelu of the type ELU"),
        (lambda layers: layers[1]["config"].update(data_format="channels_first"), "layer stem of the type Conv2D: expected channels_last"),
        (lambda layers: layers[1]["config"].update(activation="tanh"), "the activation tanh"),
        (lambda layers: layers.pop(3), "expected the description of a Keras network"),
        (lambda layers: plus(layers)["config"].update(function="math.pow"), "layer add of the type TFOpLambda: the function math.pow"),
        (lambda layers: plus(layers)["inbound_nodes"][0][3].update(y=2.0), "layer add of the type TFOpLambda: a function of a constant"),
    ],
)  # fmt: skip
def test_what_cannot_be_brought_over_is_refused_by_name(change, says, tmp_path):
    net, path = Net(2, (11, 12, 3)), tmp_path / "net.h5"
    residual(net, path)
    changed(path, change)
    with pytest.raises(bnn.Error, match=says):
        bnn.import_model(path)


def test_weights_alone_are_refused(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.create_group("conv")
    with pytest.raises(bnn.Error, match="expected a whole network"):
        bnn.import_model(tmp_path / "weights.h5")


def values(node, path=()):
    """The places of all values of a description, but those of its root."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []
    for key, value in items:
        yield (*path, key)
        yield from values(value, (*path, key))


EXTREMES = [
    None,
    True,
    -1,
    0,
    1,
    7,
    2**40,
    10**400,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "same",
    "x",
    [],
    [0],
    [3, 3],
    {},
]


@pytest.mark.parametrize("build", ["sequential", "residual"])
def test_a_description_with_any_value_replaced_is_an_error_or_a_network(build, tmp_path):
    """A network of ONNX, that is, whose importer has tests of its own."""
    net, path = Net(2, (11, 12, 3)), tmp_path / "net.h5"
    if build == "residual":
        residual(net, path)
    else:
        test_a_sequential_network(tmp_path)
    with h5py.File(path, "r") as file:
        whole = json.loads(file.attrs["model_config"])
    rng = np.random.default_rng(5)
    places = list(values(whole))
    networks = 0
    for place in rng.permutation(len(places))[:30]:
        for extreme in rng.permutation(len(EXTREMES))[:4]:
            model = copy.deepcopy(whole)
            *path_to, last = places[place]
            functools.reduce(lambda node, key: node[key], path_to, model)[last] = EXTREMES[extreme]
            with h5py.File(path, "r+") as file:
                file.attrs["model_config"] = json.dumps(model)
            try:
                networks += len(_keras.onnx_of_keras(str(path))) > 0
            except bnn.Error as error:
                assert str(error)
    assert 0 < networks < 120


def test_weights_that_a_file_does_not_hold_are_refused(tmp_path):
    net, path = Net(2, (11, 12, 3)), tmp_path / "net.h5"
    residual(net, path)

    def refusal(change):
        spoilt = tmp_path / "spoilt.h5"
        shutil.copy(path, spoilt)
        with h5py.File(spoilt, "r+") as file:
            group = file["model_weights/conv/conv"]
            del group["kernel:0"]
            change(group)
        with pytest.raises(bnn.Error) as raised:
            bnn.import_model(spoilt)
        return str(raised.value)

    # 4 TiB, of which nothing is stored.
    assert "MiB of weights" in refusal(
        lambda g: g.create_dataset("kernel:0", (1 << 20, 1 << 20), "f4", chunks=(1 << 10, 1 << 10))
    )
    raw = [(str(tmp_path / "net.h5"), 0, 4 * 3 * 3 * 8 * 8)]
    assert "another file" in refusal(lambda g: g.create_dataset("kernel:0", (3, 3, 8, 8), "f4", external=raw))
    link = h5py.ExternalLink(str(path), "/model_weights/conv/conv/kernel:0")
    assert "another file" in refusal(lambda g: g.__setitem__("kernel:0", link))
    # A link in the place of all weights.
    linked = tmp_path / "linked.h5"
    shutil.copy(path, linked)
    with h5py.File(linked, "r+") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(path), "/model_weights")
    with pytest.raises(bnn.Error, match="another file"):
        bnn.import_model(linked)
    assert "expected floats" in refusal(lambda g: g.create_dataset("kernel:0", data=[b"text"]))
    assert "expected finite numbers" in refusal(
        lambda g: g.create_dataset("kernel:0", data=np.full((3, 3, 8, 8), np.nan))
    )
    assert "description of a Keras network" in refusal(lambda g: None)
