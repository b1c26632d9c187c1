"""Writes the networks of this folder and what ONNX Runtime makes of them.

For each network: NAME.onnx; NAME.input, bytes `[samples, height, width, channels]`; NAME.scores,
little-endian f32 `[samples, outputs]`. QONNX nodes are unknown to ONNX Runtime: they are computed
as what they stand for. Needs torch, onnx, onnxscript, onnxruntime and numpy.

    python make.py
"""

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

SAMPLES = 8


class SignFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.sign(x)

    @staticmethod
    def backward(ctx, dy):
        return dy

    @staticmethod
    def symbolic(g, x):
        return g.op("Sign", x)


def where(x):
    return torch.where(x >= 0, 1.0, -1.0)


def ones_like(x):
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


def arithmetic(x):
    return (x >= 0).float() * 2 - 1


def unipolar(x):
    return (x > 0).float()


class Act(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


class Linear(nn.Linear):
    def __init__(self, inputs, outputs, sign, scaled=False, bias=True):
        super().__init__(inputs, outputs, bias)
        self.sign, self.scaled = sign, scaled

    def forward(self, x):
        w = self.sign(self.weight)
        if self.scaled:
            w = w * self.weight.abs().mean(1, keepdim=True)
        return F.linear(x, w, self.bias)


class Conv(nn.Conv2d):
    def __init__(self, *sizes, sign=where, scaled=False, **options):
        super().__init__(*sizes, **options)
        self.sign, self.scaled = sign, scaled

    def forward(self, x):
        w = self.sign(self.weight)
        if self.scaled:
            w = w * self.weight.abs().mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, w, self.bias, self.stride, self.padding, self.dilation, self.groups)


def mlp(sign, scaled=False, features=20):
    return nn.Sequential(
        nn.Flatten(),
        Linear(25, features, sign, bias=False),
        nn.BatchNorm1d(features),
        nn.Hardtanh(),
        Act(sign),
        Linear(features, 18, sign, scaled),
        nn.BatchNorm1d(18),
        Act(sign),
        Linear(18, 4, sign, scaled),
        nn.BatchNorm1d(4),
    )


def cnn(sign, scaled=True, channels=3):
    return nn.Sequential(
        Conv(channels, 8, 3, sign=sign, scaled=scaled, padding=1, bias=False),
        nn.BatchNorm2d(8),
        Act(sign),
        Conv(8, 10, 3, sign=sign, scaled=scaled, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(10),
        nn.Hardtanh(),
        Act(sign),
        Conv(10, 12, (2, 3), sign=sign, scaled=scaled, stride=(1, 2), padding=(0, 1)),
        nn.BatchNorm2d(12),
        Act(sign),
        nn.Flatten(),
        Linear(12 * 3 * 2, 5, sign, scaled),
    )


def padded():
    return nn.Sequential(
        Act(lambda x: where(x - 0.5)),
        Act(lambda x: F.pad(x, (1, 1, 2, 0), value=-1.0)),
        Conv(2, 6, 3, dilation=(1, 2), bias=False),
        nn.BatchNorm2d(6),
        Act(where),
        Act(lambda x: F.pad(x, (1, 1, 1, 1), value=1.0)),
        Conv(6, 4, 3, groups=2),
    )


def unipolar_cnn():
    return nn.Sequential(
        Conv(1, 6, 3, bias=False),
        nn.BatchNorm2d(6),
        Act(unipolar),
        Conv(6, 8, 3, padding=1, scaled=True),
        nn.BatchNorm2d(8),
        Act(unipolar),
        nn.Flatten(),
        Linear(8 * 16, 3, where, bias=False),
        nn.LogSoftmax(1),
    )


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Linear(16, 16, where), Linear(16, 16, where)

    def forward(self, x):
        y = self.a(x)
        return y + self.b(where(y))


class Block(nn.Module):
    """A block as of ReActNet: a binary convolution around which the numbers go on."""

    def __init__(self, channels):
        super().__init__()
        self.conv = Conv(channels, channels, 3, padding=1, bias=False, scaled=True)
        self.norm, self.act = nn.BatchNorm2d(channels), nn.PReLU(channels)

    def forward(self, x):
        return self.act(x + self.norm(self.conv(where(x))))


class RealStem(nn.Module):
    """Real numbers at both ends, residual blocks of bits between them, channels put together."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.blocks = nn.Sequential(Block(6), Block(6))
        self.widen, self.pool = Conv(6, 6, 1, sign=where), nn.MaxPool2d(2)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        x = self.blocks(self.stem(x) - 0.5)
        x = self.pool(torch.cat([self.widen(where(x)), x], 1))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def prepared(net):
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 2)
            module.running_var.uniform_(1, 30)
            module.weight.data.normal_()
            module.bias.data.normal_()
    return net.eval()


def noise(len):
    """The bytes of the importer's comparisons."""
    state, out = 0x9E3779B97F4A7C15, []
    for _ in range(len):
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        out.append(state >> 56)
    return np.array(out, np.uint8)


def write(name, model, image, scale=lambda x: x / np.float32(255), batch=1):
    """Runs a model file and keeps what it gives."""
    height, width, channels = image
    pixels = noise(SAMPLES * height * width * channels)
    pixels.tofile(f"{name}.input")
    x = scale(pixels.reshape(SAMPLES, *image).transpose(0, 3, 1, 2).astype(np.float32)).astype(np.float32)
    session = onnxruntime.InferenceSession(model)
    (given,) = session.get_inputs()
    x = x.reshape(SAMPLES, -1) if len(given.shape) == 2 else np.ascontiguousarray(x)
    parts = [session.run(None, {given.name: x[i : i + batch]})[0] for i in range(0, SAMPLES, batch)]
    scores = np.concatenate(parts)
    if scores.ndim == 4:
        scores = scores.transpose(0, 2, 3, 1)
    np.ascontiguousarray(scores, "<f4").tofile(f"{name}.scores")


def torch_network(name, net, image, dynamo, scale=lambda x: x / np.float32(255), batch=1, external=False):
    height, width, channels = image
    x = torch.rand(batch, channels, height, width)
    if image[:2] == (1, 1):
        x = x.reshape(batch, channels)
    options = {"external_data": external} if dynamo else {}
    torch.onnx.export(prepared(net), (x,), f"{name}.onnx", dynamo=dynamo, **options)
    # What it says for people is most of such a file.
    model = onnx.load(f"{name}.onnx", load_external_data=False)
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    model.graph.ClearField("value_info")
    model.graph.ClearField("metadata_props")
    onnx.save(model, f"{name}.onnx")
    write(name, f"{name}.onnx", image, scale, batch)


def qonnx():
    """A network with the quantizers of QONNX, and the same one in what they stand for."""
    rng = np.random.default_rng(5)
    constants = {
        "scale": np.float32(1 / 255), "zero": np.float32(0), "bits": np.float32(8), "one": np.float32(1), "half": np.float32(0.5),
        "w": rng.standard_normal((12, 30)).astype(np.float32), "v": rng.standard_normal((4, 12)).astype(np.float32),
        "mean": rng.standard_normal(12).astype(np.float32), "by": rng.standard_normal(12).astype(np.float32),
        "shift": rng.standard_normal((1, 4)).astype(np.float32),
    }

    def graph(quantized):
        nodes = []

        def bipolar(x, scale, y):
            if quantized:
                nodes.append(helper.make_node("BipolarQuant", [x, scale], [y], domain="qonnx.custom_op.general"))
            else:
                nodes.append(helper.make_node("GreaterOrEqual", [x, "zero"], [f"{y}_ge"]))
                nodes.append(helper.make_node("Neg", [scale], [f"{y}_neg"]))
                nodes.append(helper.make_node("Where", [f"{y}_ge", scale, f"{y}_neg"], [y]))

        if quantized:
            attributes = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND"}
            nodes.append(helper.make_node("Quant", ["x", "scale", "zero", "bits"], ["q"], domain="qonnx.custom_op.general", **attributes))
        else:
            nodes.append(helper.make_node("Div", ["x", "scale"], ["levels"]))
            nodes.append(helper.make_node("Clip", ["levels", "zero", "most"], ["clipped"]))
            nodes.append(helper.make_node("Round", ["clipped"], ["rounded"]))
            nodes.append(helper.make_node("Mul", ["rounded", "scale"], ["q"]))
        bipolar("w", "half", "w1")
        nodes.append(helper.make_node("Transpose", ["w1"], ["w1t"], perm=[1, 0]))
        nodes.append(helper.make_node("MatMul", ["q", "w1t"], ["y"]))
        nodes.append(helper.make_node("Sub", ["y", "mean"], ["centred"]))
        nodes.append(helper.make_node("Div", ["centred", "by"], ["normed"]))
        bipolar("normed", "half", "a")
        bipolar("v", "one", "w2")
        nodes.append(helper.make_node("Transpose", ["w2"], ["w2t"], perm=[1, 0]))
        nodes.append(helper.make_node("MatMul", ["a", "w2t"], ["z"]))
        nodes.append(helper.make_node("Add", ["z", "shift"], ["scores"]))
        initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
        initializers.append(numpy_helper.from_array(np.float32(255), "most"))
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 30])]
        outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 4])]
        graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
        domains = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=8)

    onnx.save(graph(True), "qonnx.onnx")
    write("qonnx", graph(False).SerializeToString(), (1, 1, 30))


def main():
    torch.manual_seed(1)
    torch_network("mlp_where", mlp(where), (5, 5, 1), False)
    torch_network("mlp_dynamo", mlp(ones_like, True), (5, 5, 1), True)
    torch_network("mlp_arithmetic", mlp(arithmetic, True), (5, 5, 1), False, batch=4)
    torch_network("mlp_sign", mlp(SignFunction.apply), (5, 5, 1), False)
    torch_network("cnn_where", cnn(where), (8, 6, 3), False)
    torch_network("cnn_dynamo", cnn(where), (8, 6, 3), True, external=True)
    normed = lambda x: (x / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
    unpadded = cnn(where, False)
    unpadded[0] = Conv(3, 8, 1, bias=False)
    torch_network("cnn_normed", unpadded, (8, 6, 3), True, normed)
    torch_network("padded", padded(), (5, 6, 2), False)
    torch_network("unipolar", unipolar_cnn(), (6, 6, 1), True)
    qonnx()
    torch_network("residual", Residual(), (1, 1, 16), True)
    torch_network("real_stem", RealStem(), (9, 8, 3), True)
    torch_network("real_stem_ts", RealStem(), (9, 8, 3), False)
    # What is refused.
    torch_network("real", nn.Sequential(nn.Linear(6, 5), nn.Sigmoid(), nn.Linear(5, 2)), (1, 1, 6), True)
    # Sums that are 0, at which signs differ.
    zeros = nn.Sequential(Act(lambda x: where(x - 0.5)), Linear(16, 12, where, bias=False), Act(SignFunction.apply), Linear(12, 3, where))
    torch_network("zeros", zeros, (1, 1, 16), False)


if __name__ == "__main__":
    main()
