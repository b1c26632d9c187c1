"""The linear layer in plain eager mode, with little between PyTorch and the kernels.

A custom operator costs more than a small product: it is dispatched several times. Where nothing
traces, transforms or fakes, this function is called instead. It computes the same.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import Parameter

from .. import _native
from . import _kernels
from ._gradients import LinearInputGradient, LinearWeightGradient

_PLAIN = (Tensor, Parameter)
# Without these there is no telling, and operators are used.
_modes = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 1)
_transforms = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
_tracing = getattr(torch._C, "_get_tracing_state", lambda: True)


def is_plain(x: Tensor, weight: Tensor) -> bool:
    """Whether these are tensors themselves, in plain eager mode."""
    return (
        not torch.compiler.is_compiling()
        and type(x) in _PLAIN
        and type(weight) in _PLAIN
        and not (_modes() or _transforms() or _tracing())
    )


class Linear(Function):
    """`sign(x) @ sign(weight).T`, with gradients."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, clip: float) -> Tensor:
        _kernels.check_linear(x, weight)
        # Words are kept as they are: nothing else reads them.
        y, saved, signs = _native.linear_forward(_kernels.matrix(x), _kernels.array(weight), clip)
        ctx.save_for_backward(torch.from_numpy(saved), torch.from_numpy(signs))
        ctx.k = weight.shape[1]
        y = torch.from_numpy(y)
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], weight.shape[0])

    @staticmethod
    def backward(ctx, dy: Tensor):
        (saved, signs), k = ctx.saved_tensors, ctx.k
        of_input, of_weight, _ = ctx.needs_input_grad
        if of_input and of_weight and not torch.is_grad_enabled():
            dx, dw = _native.linear_gradients(_kernels.matrix(dy), saved.numpy(), signs.numpy(), k)
            dx, dw = torch.from_numpy(dx), torch.from_numpy(dw)
            return dx if dy.ndim == 2 else dx.reshape(*dy.shape[:-1], k), dw, None
        saved, signs = _kernels.bits(saved.numpy()), _kernels.bits(signs.numpy())
        dx = LinearInputGradient.apply(dy, saved, signs, k) if of_input else None
        dw = LinearWeightGradient.apply(dy, saved, k) if of_weight else None
        return dx, dw, None
