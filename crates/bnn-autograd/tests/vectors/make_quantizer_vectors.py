"""Writes quantizers.json: quantizers and their gradients as PyTorch computes them, in float64.

    /usr/bin/python3 make_quantizer_vectors.py        (made with PyTorch 1.13.1 of Debian 12)

Inputs are float32 numbers, so that a float32 test starts from the same values. Every case has the
inputs of an operation, a cotangent `dy` of its output, its outputs and the gradients `d<input>`.
Gradients come from automatic differentiation of the function that stands in for the quantizer, by
way of `y.detach() - s.detach() + s`, wherever the paper's gradient is that of a function `s`.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(21)


class Replaced(torch.autograd.Function):
    """The value of the first argument with the gradient of the second."""

    @staticmethod
    def forward(ctx, value, surrogate):
        return value.clone()

    @staticmethod
    def backward(ctx, dy):
        return None, dy


class GradScale(torch.autograd.Function):
    """Its argument, whose gradient is multiplied by a number (LSQ, appendix A)."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.clone()

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.scale, None


def plain_sign(x):
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


def clipped(x):
    return Replaced.apply(plain_sign(x), x.clamp(-1, 1))


def identity(x):
    return Replaced.apply(plain_sign(x), x)


def approx(x):
    inside = torch.where(x < 0, 2 * x + x * x, 2 * x - x * x)
    return Replaced.apply(plain_sign(x), torch.where(x.abs() < 1, inside, plain_sign(x)))


def swish(x, beta=5.0):
    s = torch.sigmoid(beta * x)
    return Replaced.apply(plain_sign(x), 2 * s * (1 + beta * x * (1 - s)) - 1)


def scales(w):
    return w.abs().flatten(1).mean(1).reshape([-1] + [1] * (w.dim() - 1))


def magnitude_aware(w):
    return scales(w).detach() * clipped(w)


def xnor_net(w):
    n = w[0].numel()
    surrogate = scales(w).detach() * w.clamp(-1, 1) + w / n
    return Replaced.apply(scales(w) * plain_sign(w), surrogate)


def round_straight(x):
    return Replaced.apply(torch.round(x), x)


def quantize_k(r, bits):
    steps = 2**bits - 1
    return round_straight(r * steps) / steps


def dorefa_activations(x, bits):
    return quantize_k(x.clamp(0, 1), bits)


def dorefa_weights(w, bits):
    if bits == 1:
        return Replaced.apply(plain_sign(w) * w.abs().mean(), w)
    t = torch.tanh(w)
    return 2 * quantize_k(t / (2 * t.abs().max()) + 0.5, bits) - 1


def ternary(w):
    rows = w.detach().flatten(1)
    delta = 0.7 * rows.abs().mean(1, keepdim=True)
    above = (rows.abs() > delta).double()
    alpha = (rows.abs() * above).sum(1, keepdim=True) / above.sum(1, keepdim=True)
    return Replaced.apply((alpha * torch.sign(rows) * above).reshape(w.shape), w)


def lsq(v, step, q_n, q_p, count):
    step = GradScale.apply(step, 1 / math.sqrt(count * q_p))
    r = v / step
    # At the outermost levels themselves the paper passes no gradient; `clamp` does.
    inside = (-q_n < r) & (r < q_p)
    return round_straight(torch.where(inside, r, r.detach().clamp(-q_n, q_p))) * step


def prelu(x, slope):
    # The channels of F.prelu are the second dimension.
    return F.prelu(x.movedim(-1, 1), slope).movedim(1, -1)


def rand(*shape, scale=1.0):
    return (torch.randn(shape) * scale).float().double()


def case(function, **inputs):
    """Runs a function of the inputs forward and backward and notes everything."""
    leaves = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    y = function(**leaves)
    dy = rand(*y.shape)
    y.backward(dy)
    noted = {**inputs, "y": y, "dy": dy}
    noted.update({"d" + name: x.grad for name, x in leaves.items()})
    return noted


def edges(x):
    """Puts the edges of the sign law and of the masks among the values."""
    flat = x.view(-1)
    flat[:6] = torch.tensor([0.0, -0.0, 1.0, -1.0, 1.0 + 2.0**-23, -1.0 - 2.0**-23])
    return x


def layer(activation, weights):
    return lambda x, w: F.linear(activation(x), weights(w))


cases = {
    "sign_clipped": case(clipped, x=edges(rand(67))),
    "sign_identity": case(identity, x=edges(rand(67))),
    "sign_approx": case(approx, x=edges(rand(67))),
    "sign_swish": case(swish, x=edges(rand(67))),
    "sign_swish_steep": case(lambda x: swish(x, 10.0), x=edges(rand(67))),
    "scaled_sign_magnitude_aware": case(magnitude_aware, w=edges(rand(2, 67))),
    "scaled_sign_xnor_net": case(xnor_net, w=edges(rand(2, 67))),
    "scaled_sign_of_filters": case(xnor_net, w=edges(rand(3, 2, 3, 5))),
    "dorefa_activations_1": case(lambda x: dorefa_activations(x, 1), x=edges(rand(67))),
    "dorefa_activations_2": case(lambda x: dorefa_activations(x, 2), x=edges(rand(67))),
    "dorefa_activations_8": case(lambda x: dorefa_activations(x, 8), x=edges(rand(67))),
    "dorefa_weights_1": case(lambda w: dorefa_weights(w, 1), w=edges(rand(2, 33))),
    "dorefa_weights_2": case(lambda w: dorefa_weights(w, 2), w=edges(rand(2, 33))),
    "dorefa_weights_4": case(lambda w: dorefa_weights(w, 4), w=edges(rand(2, 33))),
    # The greatest magnitude twice, with both signs.
    "dorefa_weights_tie": case(
        lambda w: dorefa_weights(w, 3), w=torch.tensor([[0.5, -2.0, 0.25], [2.0, -1.0, 1.5]]).double()
    ),
    "ternary": case(ternary, w=edges(rand(2, 67))),
    "lsq_weights": case(
        lambda v, step: lsq(v, step, 4, 3, 66), v=edges(rand(2, 33)), step=rand(1).abs() + 0.25
    ),
    "lsq_activations": case(
        lambda v, step: lsq(v, step, 0, 3, 33), v=edges(rand(2, 33)), step=rand(1).abs() + 0.25
    ),
    "binary_linear_identity": case(layer(identity, identity), x=edges(rand(3, 67)), w=rand(4, 67)),
    "binary_linear_approx": case(layer(approx, identity), x=edges(rand(3, 67)), w=rand(4, 67)),
    "binary_linear_swish": case(layer(swish, identity), x=edges(rand(3, 67)), w=rand(4, 67)),
    "bi_real": case(layer(approx, magnitude_aware), x=edges(rand(3, 67)), w=edges(rand(4, 67))),
    "xnor_net": case(layer(clipped, xnor_net), x=edges(rand(3, 67)), w=edges(rand(4, 67))),
    "channel_scale": case(lambda x, scale: x * scale, x=rand(2, 3, 7), scale=rand(7)),
    "shift": case(lambda x, by: x + by, x=rand(2, 3, 7), by=rand(7)),
    "prelu": case(prelu, x=rand(2, 3, 7), slope=rand(7)),
    "rsign": case(lambda x, shift: approx(x + shift), x=rand(2, 3, 7), shift=rand(7)),
    "rprelu": case(
        lambda x, before, slope, after: prelu(x + before, slope) + after,
        x=rand(2, 3, 7),
        before=rand(7),
        slope=rand(7),
        after=rand(7),
    ),
}


def plain(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "data": tensor.reshape(-1).tolist()}


path = pathlib.Path(__file__).with_name("quantizers.json")
lines = [
    f"{json.dumps(name)}: {json.dumps({key: plain(x) for key, x in noted.items()})}"
    for name, noted in cases.items()
]
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
