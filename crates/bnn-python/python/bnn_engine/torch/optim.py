"""Optimizers for binary weights without latent weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

from .._native import Error


def _within(what: str, x: float, inside: bool, expected: str) -> None:
    if not inside:
        raise Error(f"{what}: expected {expected}, found {x}")


def _signs(x: Tensor) -> Tensor:
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


class _Flips(Optimizer):
    """An optimizer whose weights are -1 or +1 from the first step on."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None):
        """Updates all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    if weight.grad.is_sparse:
                        raise Error("gradients of binary weights: expected dense ones, found a sparse one")
                    self._update(weight, weight.grad, self.state[weight], group)
        return loss

    def _update(self, weight: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
        raise NotImplementedError


class Bop(_Flips):
    """Bop (Helwegen et al. 2019, arXiv 1906.02107): `m = (1 - gamma) * m + gamma * g`; a weight flips
    where `|m| > threshold` and `m` has its sign.

    params: binary weights alone (`binary_parameters`).
    """

    def __init__(self, params: Iterable[Tensor], gamma: float = 1e-4, threshold: float = 1e-8) -> None:
        _within("gamma", gamma, 0 < gamma <= 1, "more than 0 and at most 1")
        _within("threshold", threshold, 0 <= threshold < float("inf"), "at least 0 and finite")
        super().__init__(params, {"gamma": gamma, "threshold": threshold})

    def _update(self, weight: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
        if not state:
            state["average"] = torch.zeros_like(weight)
        average = state["average"]
        average.lerp_(gradient, group["gamma"])
        signs = _signs(weight)
        flips = (average.abs() > group["threshold"]) & (_signs(average) == signs)
        weight.copy_(torch.where(flips, -signs, signs))


class DiodeMix(_Flips):
    """DiodeMix (Guo et al. 2024): `m = b1 * m + (1 - b1) * g`, `s = b2 * s + (1 - b2) * lr * sign(m)`,
    `w = -sign(s)`: a weight flips after the signs of its momentum have been against it long enough.

    Initially `s = -lr * w`, so that weights near 0 are the first to flip.

    params: binary weights alone (`binary_parameters`).
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, betas: tuple[float, float] = (0.99, 0.9999)) -> None:
        _within("lr", lr, 0 < lr < float("inf"), "positive and finite")
        for beta in betas:
            _within("betas", beta, 0 <= beta < 1, "at least 0 and less than 1")
        super().__init__(params, {"lr": lr, "betas": betas})

    def _update(self, weight: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
        lr, (momentum_decay, signs_decay) = group["lr"], group["betas"]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
            least = torch.finfo(weight.dtype).tiny
            state["signs"] = -_signs(weight) * (lr * weight.abs()).clamp_min(least)
        momentum, signs = state["momentum"], state["signs"]
        momentum.lerp_(gradient, 1 - momentum_decay)
        signs.lerp_(lr * _signs(momentum), 1 - signs_decay)
        weight.copy_(-_signs(signs))
