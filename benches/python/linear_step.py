"""The binary linear layer of bnn_engine.torch beside PyTorch on one thread: a training step of a layer of
128 x 1024 -> 1024, and what a pass through a tiny one costs beyond an empty autograd.Function.

usage: python benches/python/linear_step.py
"""

import statistics
import time

import numpy as np
import torch

import bnn_engine as bnn
import bnn_engine.torch as bt
from bnn_engine.torch import _eager

torch.set_num_threads(1)
bnn.set_num_threads(1)
torch.manual_seed(1)


class Sign(torch.autograd.Function):
    """Signs of inputs; the straight-through gradient passes where |x| <= 1."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x.abs() <= 1)


class SignOfWeight(torch.autograd.Function):
    """Signs of weights, whose gradient passes everywhere."""

    @staticmethod
    def forward(ctx, w):
        return torch.where(w >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, dy):
        return dy


def training_step(m, k, n, rounds=60):
    """Processor time of forward and both gradients, in turns: on a busy machine time says less."""
    x, w = torch.randn(m, k, requires_grad=True), torch.randn(n, k, requires_grad=True)
    dy = torch.randn(m, n)
    linear = torch.nn.functional.linear
    sides = {
        "bt.binary_linear": lambda: bt.binary_linear(x, w),
        "f32 nn.functional.linear": lambda: linear(x, w),
        "torch signs with STE, f32 linear": lambda: linear(Sign.apply(x), SignOfWeight.apply(w)),
    }
    times = {name: [] for name in sides}
    for round in range(rounds + 1):
        for name, forward in sides.items():
            start = time.process_time()
            x.grad = w.grad = None
            forward().backward(dy)
            if round > 0:
                times[name].append(time.process_time() - start)
    print(f"| step of {m} x {k} -> {n} | best, ms | median, ms | times ours, best | median |")
    print("| --- | --- | --- | --- | --- |")
    ours = times["bt.binary_linear"]
    for name, of in times.items():
        best, median = min(of), statistics.median(of)
        ratios = f"{best / min(ours):.2f} | {median / statistics.median(ours):.2f}"
        print(f"| {name} | {best * 1e3:.2f} | {median * 1e3:.2f} | {ratios} |")


def function(forward, backward):
    class F(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            return forward(ctx, x, w)

        @staticmethod
        def backward(ctx, dy):
            return backward(ctx, dy)

    return F.apply


def tiny_passes(m=1, k=8, n=4, calls=50, rounds=400):
    """Processor time of forward and backward: the least and the median of the means of many rounds."""
    x, w = torch.randn(m, k, requires_grad=True), torch.randn(n, k, requires_grad=True)
    dy = torch.ones(m, n)
    tiny = _eager._tiny

    def product(ctx, x, w):
        y, ctx.bits = tiny.forward(x, w, 1.0)
        return y

    sides = {
        "an empty Function": function(lambda *_: torch.zeros(m, n), lambda *_: (torch.zeros(m, k), torch.zeros(n, k))),
        "+ the product": function(product, lambda *_: (torch.zeros(m, k), torch.zeros(n, k))),
        "+ the gradients": function(product, lambda ctx, dy: tiny.gradients(dy, ctx.bits, *ctx.needs_input_grad)),
        "bt.binary_linear": bt.binary_linear,
        "f32 nn.functional.linear": torch.nn.functional.linear,
    }
    times = {name: [] for name in sides}
    for _ in range(rounds):
        for name, forward in sides.items():
            start = time.process_time()
            for _ in range(calls):
                torch.autograd.grad(forward(x, w), (x, w), dy)
            times[name].append((time.process_time() - start) / calls * 1e6)
    empty = times["an empty Function"]
    print(f"| passes of {m} x {k} -> {n} | best, us | median, us | beyond an empty one, best | median |")
    print("| --- | --- | --- | --- | --- |")
    for name, of in times.items():
        best, median = min(of), statistics.median(of)
        print(f"| {name} | {best:.1f} | {median:.1f} | {best - min(empty):.1f} | {median - statistics.median(empty):.1f} |")


print(f"PyTorch {torch.__version__}, numpy {np.__version__}, {bnn.isa()}, one thread\n")
training_step(128, 1024, 1024)
print()
tiny_passes()
