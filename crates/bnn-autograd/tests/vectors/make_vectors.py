"""Writes vectors.json: values and gradients as PyTorch computes them, in float64.

    /usr/bin/python3 make_vectors.py        (made with PyTorch 1.13.1 of Debian 12)

Inputs are float32 numbers, so that a float32 test starts from the same values. Every case has the
inputs of an operation, a cotangent `dy` of its output, its outputs and the gradients `d<input>`.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20)


class SignSte(torch.autograd.Function):
    """sign(x) with sign(0) = +1; the gradient passes where |x| <= clip."""

    @staticmethod
    def forward(ctx, x, clip):
        ctx.save_for_backward(x)
        ctx.clip = clip
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x.abs() <= ctx.clip), None


class Bool(torch.autograd.Function):
    """1 where x >= 0, else 0; the gradient passes where |x| <= 1 (BiBERT, arXiv 2203.06390)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).double()

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x.abs() <= 1)


def bi_attention(q, k, v, heads=2):
    def split(x):
        b, t, d = x.shape
        return sign_activation(x).view(b, t, heads, d // heads).transpose(1, 2)

    q, k, v = split(q), split(k), split(v)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    y = Bool.apply(scores) @ v
    return y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1)


def sign_activation(x):
    return SignSte.apply(x, 1.0)


def sign_weight(w):
    return SignSte.apply(w, float("inf"))


def rand(*shape, scale=1.0):
    return (torch.randn(shape) * scale).float().double()


def leaf(x):
    return x.clone().requires_grad_()


def case(function, **inputs):
    """Runs a function of the inputs forward and backward and notes everything."""
    leaves = {name: leaf(x) for name, x in inputs.items()}
    y = function(**leaves)
    dy = rand(*y.shape)
    y.backward(dy)
    noted = {**inputs, "y": y, "dy": dy}
    noted.update({"d" + name: x.grad for name, x in leaves.items()})
    return noted


def edges(x):
    """Puts the edges of the sign law and of the mask among the values."""
    flat = x.view(-1)
    flat[:6] = torch.tensor([0.0, -0.0, 1.0, -1.0, 1.0 + 2.0**-23, -1.0 - 2.0**-23])
    return x


def batch_norm_training():
    mean, var = torch.zeros(5).double(), torch.ones(5).double()
    noted = case(
        lambda x, gamma, beta: F.batch_norm(x, mean, var, gamma, beta, True, 0.1, 1e-5),
        x=rand(7, 5, scale=3.0) + 2.0,
        gamma=rand(5),
        beta=rand(5),
    )
    return {**noted, "running_mean": mean, "running_var": var}


def batch_norm_evaluation():
    mean, var = rand(5), rand(5).abs() + 0.1
    noted = case(
        lambda x, gamma, beta: F.batch_norm(x, mean, var, gamma, beta, False, 0.1, 1e-5),
        x=rand(4, 5, scale=3.0),
        gamma=rand(5),
        beta=rand(5),
    )
    return {**noted, "mean": mean, "var": var}


def optimizer(make, steps=4):
    """A parameter, one gradient per step, and the parameter after each."""
    p = torch.nn.Parameter(rand(6))
    noted = {"p": p.detach().clone()}
    optimizer = make([p])
    for step in range(steps):
        p.grad = rand(6)
        noted[f"grad{step}"] = p.grad.clone()
        optimizer.step()
        noted[f"p{step}"] = p.detach().clone()
    return noted


labels = torch.tensor([3, 0, 2, 2, 1, 3])
picks = torch.tensor([[3, 0, 3], [1, 0, 3]])
targets = 2.0 * F.one_hot(labels, 4).double() - 1.0

cases = {
    "binary_linear": case(
        lambda x, w: F.linear(sign_activation(x), sign_weight(w)),
        x=edges(rand(2, 3, 67)),
        w=edges(rand(5, 67)),
    ),
    "sign_weight_linear": case(
        lambda x, w: F.linear(x, sign_weight(w)),
        x=torch.randint(0, 256, (4, 65)).double(),
        w=edges(rand(3, 65)),
    ),
    "linear": case(lambda x, w, b: F.linear(x, w, b), x=rand(2, 3, 7), w=rand(5, 7), b=rand(5)),
    "batch_norm_training": batch_norm_training(),
    "batch_norm_evaluation": batch_norm_evaluation(),
    # Without +-1, where PyTorch passes no gradient and the straight-through estimator does.
    "hard_tanh": case(lambda x: F.hardtanh(x), x=rand(3, 70)),
    "cross_entropy": case(lambda x: F.cross_entropy(x, labels), x=rand(6, 4, scale=3.0)),
    "cross_entropy_smooth": case(
        lambda x: F.cross_entropy(x, labels, label_smoothing=0.1), x=rand(6, 4, scale=3.0)
    ),
    "squared_hinge": case(lambda x: F.relu(1.0 - targets * x).square().mean(), x=rand(6, 4)),
    "mean": case(lambda x: x.mean(), x=rand(3, 5)),
    "sum": case(lambda x: x.sum(), x=rand(3, 5)),
    "sgd": optimizer(lambda p: torch.optim.SGD(p, lr=0.1)),
    "sgd_momentum": optimizer(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    "adam": optimizer(lambda p: torch.optim.Adam(p, lr=0.05)),
    "adam_decay": optimizer(lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.99), weight_decay=0.1)),
    "binary_attention": case(bi_attention, q=edges(rand(2, 4, 6)), k=edges(rand(2, 5, 6)), v=edges(rand(2, 5, 6))),
    "embedding": {**case(lambda w: F.embedding(picks, w), w=rand(4, 3)), "indices": picks.double()},
    "add": case(lambda a, b: a + b, a=rand(2, 3), b=rand(2, 3)),
    "flatten": case(lambda x: x.flatten(1), x=rand(2, 3, 4)),
}


def plain(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "data": tensor.reshape(-1).tolist()}


if __name__ == "__main__":
    path = pathlib.Path(__file__).with_name("vectors.json")
    lines = [
        f"{json.dumps(name)}: {json.dumps({key: plain(x) for key, x in noted.items()})}"
        for name, noted in cases.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
