"""Gradients of linear layers as functions that have no gradient of their own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .._native import Error
from . import _kernels


def one_by_one(function: type[Function], info: Any, in_dims: tuple, args: tuple) -> tuple[Any, Any]:
    """A rule for `vmap`: applies the function to each element of the batch."""
    outputs = []
    for i in range(info.batch_size):
        chosen = (x if dim is None else x.select(dim, i) for x, dim in zip(args, in_dims))
        outputs.append(function.apply(*chosen))
    if isinstance(outputs[0], Tensor):
        return torch.stack(outputs), 0
    return tuple(torch.stack(each) for each in zip(*outputs)), (0,) * len(outputs[0])


class Gradient(Function):
    """A gradient, which has no gradient of its own."""

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        pass

    @staticmethod
    def backward(ctx, *_):
        raise Error("gradients of the gradients of binary layers are not supported")


class LinearInputGradient(Gradient):
    @staticmethod
    def forward(dy: Tensor, saved: Tensor, signs: Tensor, k: int) -> Tensor:
        return _kernels.linear_input_gradient(dy, saved, signs, k)

    @staticmethod
    def vmap(info, in_dims, *args):
        return one_by_one(LinearInputGradient, info, in_dims, args)


class LinearWeightGradient(Gradient):
    @staticmethod
    def forward(dy: Tensor, saved: Tensor, k: int) -> Tensor:
        return _kernels.linear_weight_gradient(dy, saved, k)

    @staticmethod
    def vmap(info, in_dims, *args):
        return one_by_one(LinearWeightGradient, info, in_dims, args)
