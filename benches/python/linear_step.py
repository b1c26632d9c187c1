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
from bnn_engine import _native
from bnn_engine.torch import _kernels

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
    """Forward and backward in microseconds, the least mean of many rounds."""
    x, w = torch.randn(m, k, requires_grad=True), torch.randn(n, k, requires_grad=True)
    dy = torch.ones(m, n)
    a, b, c = x.detach().numpy(), w.detach().numpy(), dy.numpy()
    y, saved, signs = _native.linear_forward(a, b, 1.0)

    def zeros(_ctx, _dy):
        return torch.zeros(m, k), torch.zeros(n, k)

    def and_zeros(step):
        def forward(_ctx, x, w):
            step(x, w)
            return torch.zeros(m, n)

        return forward

    def saving(ctx, x, w):
        ctx.save_for_backward(torch.from_numpy(saved), torch.from_numpy(signs))
        return torch.zeros(m, n)

    def loading(ctx, _dy):
        words, more = ctx.saved_tensors
        words.numpy(), more.numpy()
        return torch.zeros(m, k), torch.zeros(n, k)

    nothing = and_zeros(lambda x, w: None)
    sides = {
        "an empty Function": function(nothing, zeros),
        "+ tensors as arrays": function(and_zeros(lambda x, w: (_kernels.matrix(x), _kernels.array(w))), zeros),
        "+ the product": function(and_zeros(lambda x, w: _native.linear_forward(a, b, 1.0)), zeros),
        "+ an array as a tensor": function(lambda *_: torch.from_numpy(y.copy()), zeros),
        "+ keeping bits for the gradients, and getting them": function(saving, loading),
        "+ the gradients": function(and_zeros(lambda x, w: _native.linear_gradients(c, saved, signs, k)), zeros),
        "bt.binary_linear": bt.binary_linear,
    }
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(rounds):
        for name, forward in sides.items():
            start = time.perf_counter()
            for _ in range(calls):
                torch.autograd.grad(forward(x, w), (x, w), dy)
            best[name] = min(best[name], (time.perf_counter() - start) / calls)
    empty = best["an empty Function"]
    print(f"| passes of {m} x {k} -> {n} | us | beyond an empty one |\n| --- | --- | --- |")
    for name, of in best.items():
        print(f"| {name} | {of * 1e6:.1f} | {(of - empty) * 1e6:.1f} |")


print(f"PyTorch {torch.__version__}, numpy {np.__version__}, {bnn.isa()}, one thread\n")
training_step(128, 1024, 1024)
print()
tiny_passes()
