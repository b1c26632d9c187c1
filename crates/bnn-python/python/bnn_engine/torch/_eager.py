"""The linear layer in plain eager mode, with little between PyTorch and the kernels.

A custom operator costs more than a small product: it is dispatched several times. Where nothing
traces, transforms or fakes, this function is called instead. It computes the same. Tiny tensors
are read where they lie, by functions of C that their type has for it, and their bits are kept
beside the saved tensors; others by way of arrays.
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
# Names of this module: to look them up in others takes time as well.
_compiling, _gradients_of_gradients = torch.compiler.is_compiling, torch.is_grad_enabled
# Without these there is no telling, and operators are used.
_modes = getattr(torch._C, "_len_torch_dispatch_stack", lambda: 1)
_transforms = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
_tracing = getattr(torch._C, "_get_tracing_state", lambda: True)


class _NoTinyLinear:
    """Before PyTorch 2.10, whose tensors have no such functions."""

    @staticmethod
    def forward(*_) -> None:
        return None


_tiny = _native.TinyLinear.of(Tensor) or _NoTinyLinear()


def is_plain(x: Tensor, weight: Tensor) -> bool:
    """Whether these are tensors themselves, in plain eager mode."""
    return (
        not _compiling()
        and type(x) in _PLAIN
        and type(weight) in _PLAIN
        # Their memory has the opposite numbers of those that are negated lazily.
        and not (_modes() or _transforms() or _tracing() or x.is_neg() or weight.is_neg())
    )


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """`sign(x) @ sign(weight).T` of plain tensors, without gradients."""
    tiny = _tiny.forward(x, weight, 0.0)
    return _kernels.linear(x, weight, None)[0] if tiny is None else tiny[0]


class Linear(Function):
    """`sign(x) @ sign(weight).T` of plain tensors, with gradients."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, clip: float) -> Tensor:
        tiny = _tiny.forward(x, weight, clip)
        if tiny is not None:
            y, ctx.bits = tiny
            return y
        _kernels.check_linear(x, weight)
        # Words are kept as they are: nothing else reads them.
        y, saved, signs = _native.linear_forward(_kernels.matrix(x), _kernels.array(weight), clip)
        ctx.save_for_backward(torch.from_numpy(saved), torch.from_numpy(signs))
        ctx.bits, ctx.k = None, weight.shape[1]
        y = torch.from_numpy(y)
        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], weight.shape[0])

    @staticmethod
    def backward(ctx, dy: Tensor):
        of_input, of_weight, _ = ctx.needs_input_grad
        is_plain = not (_gradients_of_gradients() or _transforms() or dy.is_neg())
        if ctx.bits is not None:
            tiny = _tiny.gradients(dy, ctx.bits, of_input, of_weight) if is_plain else None
            if tiny is not None:
                return *tiny, None
            saved, signs, k = ctx.bits.arrays()
        else:
            (saved, signs), k = (words.numpy() for words in ctx.saved_tensors), ctx.k
            if of_input and of_weight and is_plain:
                dx, dw = _native.linear_gradients(_kernels.matrix(dy), saved, signs, k)
                dx, dw = torch.from_numpy(dx), torch.from_numpy(dw)
                return dx if dy.ndim == 2 else dx.reshape(*dy.shape[:-1], k), dw, None
        saved, signs = _kernels.bits(saved), _kernels.bits(signs)
        dx = LinearInputGradient.apply(dy, saved, signs, k) if of_input else None
        dw = LinearWeightGradient.apply(dy, saved, k) if of_weight else None
        return dx, dw, None
