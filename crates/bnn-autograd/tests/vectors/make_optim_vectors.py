"""Writes optim_vectors.json: what optimizers, schedules and clipping do, by PyTorch, in float64.

    /usr/bin/python3 make_optim_vectors.py        (made with PyTorch 1.13.1 of Debian 12)

Where torch.optim has the optimizer it is used; Bop and DiodeMix follow their papers' formulas. Starting
values and gradients are float32 numbers, so that a float32 test starts from the same values.
"""

import json
import math
import pathlib

import torch

torch.manual_seed(21)


def rand(*shape, scale=1.0):
    return (torch.randn(shape) * scale).float().double()


def sign(x):
    """sign(0) = +1."""
    return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))


class Bop(torch.optim.Optimizer):
    """Helwegen et al. 2019, arXiv 1906.02107, algorithm 1, on the signs of the initial values."""

    def __init__(self, params, lr, threshold):
        super().__init__(params, {"lr": lr, "threshold": threshold})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                m = state.setdefault("m", torch.zeros_like(p))
                m.mul_(1.0 - group["lr"]).add_(p.grad, alpha=group["lr"])
                w = sign(p)
                flips = (m.abs() > group["threshold"]) & (sign(m) == w)
                # What decides is far enough from the border for float32 to decide the same.
                far_from_0(m.abs() - group["threshold"], group["threshold"])
                p.copy_(torch.where(flips, -w, w))


class DiodeMix(torch.optim.Optimizer):
    """Guo et al. 2024: descent by the sign of the momentum; s starts as -lr * w."""

    def __init__(self, params, lr, betas):
        super().__init__(params, {"lr": lr, "betas": betas})
        self.first_lr = lr

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                m = state.setdefault("m", torch.zeros_like(p))
                s = state.setdefault("s", -self.first_lr * p)
                m.lerp_(p.grad, 1.0 - group["betas"][0])
                s.lerp_(group["lr"] * sign(m), 1.0 - group["betas"][1])
                far_from_0(m, 1.0)
                far_from_0(s, group["lr"])
                p.copy_(-sign(s))


def far_from_0(x, scale):
    assert x.abs().min() > 1e-4 * scale, x.abs().min()


def steps(make, schedule=None, count=6, shape=(3, 4), start=None):
    """A parameter, one gradient per step, and the parameter after each."""
    p = torch.nn.Parameter(rand(*shape) if start is None else start)
    noted = {"p": p.detach().clone()}
    optimizer = make([p])
    schedule = schedule and schedule(optimizer)
    for step in range(count):
        p.grad = rand(*shape)
        noted[f"grad{step}"] = p.grad.clone()
        optimizer.step()
        if schedule:
            schedule.step()
        noted[f"p{step}"] = p.detach().clone()
    return noted


def flipping(make, schedule=None):
    """Some 100 binary weights in 12 steps with many flips."""
    noted = steps(make, schedule, count=12, shape=(10, 11), start=rand(10, 11, scale=0.3))
    after = [sign(noted["p"])] + [noted[f"p{step}"] for step in range(12)]
    flips = [int((a != b).sum()) for a, b in zip(after, after[1:])]
    assert sum(flips) > 50 and all(int((x.abs() == 1).all()) for x in after), flips
    return noted


def factors(schedule, count=40):
    """The learning rates of the first steps under a schedule, of a rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1).double())], lr=1.0)
    schedule = schedule(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return {"factors": torch.tensor(rates, dtype=torch.float64)}


def clipped(max_norm=None, value=None):
    """The gradients of two parameters before and after clipping."""
    params = [torch.nn.Parameter(rand(4, 5)), torch.nn.Parameter(rand(7))]
    noted = {}
    for i, p in enumerate(params):
        p.grad = rand(*p.shape)
        noted[f"grad{i}"] = p.grad.clone()
    if max_norm is not None:
        noted["norm"] = torch.nn.utils.clip_grad_norm_(params, max_norm)
    else:
        torch.nn.utils.clip_grad_value_(params, value)
    noted.update({f"clipped{i}": p.grad for i, p in enumerate(params)})
    return noted


optim, schedulers = torch.optim, torch.optim.lr_scheduler


def warm_cosine(optimizer, warmup, total):
    """Linear warm-up in front of half a cosine; SequentialLR of 1.13 starts its parts one step off."""

    def factor(step):
        if step < warmup:
            return (step + 1) / warmup
        done = min(step - warmup, total - warmup) / (total - warmup)
        return 0.5 * (1.0 + math.cos(math.pi * done))

    return schedulers.LambdaLR(optimizer, factor)


cases = {
    "sgd_decay": steps(lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1)),
    "sgd_momentum_decay": steps(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1)),
    "sgd_nesterov": steps(
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)
    ),
    "sgd_scheduled": steps(
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda o: schedulers.StepLR(o, 2, 0.1)
    ),
    "adam": steps(lambda p: optim.Adam(p, lr=0.05, betas=(0.8, 0.99))),
    "adam_decay": steps(lambda p: optim.Adam(p, lr=0.05, weight_decay=0.1)),
    "adamw": steps(lambda p: optim.AdamW(p, lr=0.05, weight_decay=0.1)),
    "adamw_scheduled": steps(
        lambda p: optim.AdamW(p, lr=0.05, betas=(0.8, 0.99), weight_decay=0.1),
        lambda o: schedulers.ExponentialLR(o, 0.7),
    ),
    "bop": flipping(lambda p: Bop(p, lr=0.25, threshold=0.2)),
    "bop_scheduled": flipping(
        lambda p: Bop(p, lr=0.5, threshold=0.1), lambda o: schedulers.ExponentialLR(o, 0.9)
    ),
    "diode_mix": flipping(lambda p: DiodeMix(p, lr=0.01, betas=(0.7, 0.9))),
    "diode_mix_scheduled": flipping(
        lambda p: DiodeMix(p, lr=0.01, betas=(0.6, 0.8)),
        lambda o: schedulers.LinearLR(o, 1.0, 0.25, 8),
    ),
    "steps": factors(lambda o: schedulers.StepLR(o, 7, 0.3)),
    "exponential": factors(lambda o: schedulers.ExponentialLR(o, 0.93)),
    "linear": factors(lambda o: schedulers.LinearLR(o, 0.25, 0.75, 30)),
    "cosine": factors(lambda o: schedulers.CosineAnnealingLR(o, 40)),
    "warm_cosine": factors(lambda o: warm_cosine(o, 5, 30)),
    "clip_norm": clipped(max_norm=1.5),
    "clip_norm_loose": clipped(max_norm=100.0),
    "clip_value": clipped(value=0.5),
}


def plain(tensor):
    tensor = tensor.detach()
    return {"shape": list(tensor.shape), "data": tensor.reshape(-1).tolist()}


path = pathlib.Path(__file__).with_name("optim_vectors.json")
lines = [
    f"{json.dumps(name)}: {json.dumps({key: plain(x) for key, x in noted.items()})}"
    for name, noted in cases.items()
]
path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
