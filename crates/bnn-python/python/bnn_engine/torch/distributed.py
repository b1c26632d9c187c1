"""Many processes: a communication hook for `DistributedDataParallel` that sends one bit per binary
weight.

Plain `DistributedDataParallel` works with all modules of this package and sends gradients as
`float32`. With `majority_vote_hook` each rank votes with the signs of its gradients, as in signSGD
with majority vote (Bernstein et al. 2018, arXiv 1810.05291); other parameters are averaged as usual.
"""

# No `from __future__ import annotations`: PyTorch compares the annotations of hooks as types.

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.futures import Future

from .. import _native
from .._native import Error
from .modules import binary_parameters

_WORD = 64


class MajorityVote:
    """Which parameters `majority_vote_hook` votes on: the latent weights of the binary layers in
    `module`. `group`: the ranks that vote; by default all."""

    def __init__(self, module: nn.Module, group: dist.ProcessGroup | None = None) -> None:
        self.group = group
        self._binary = list(binary_parameters(module))
        if not self._binary:
            raise Error("module: expected one with binary layers, found none")

    def votes_on(self, parameter: Tensor) -> bool:
        """Whether `parameter` is one of them."""
        return any(parameter is binary for binary in self._binary)


def majority_vote_hook(state: MajorityVote, bucket: dist.GradBucket) -> Future[Tensor]:
    """Replaces the gradients of binary weights by -1 and +1, the sign that most ranks' gradients
    have, and averages those of other parameters.

        net = DistributedDataParallel(module)
        net.register_comm_hook(MajorityVote(net), majority_vote_hook)

    A rank sends one bit per binary weight to the ranks that count them, and the counted bits once
    more: 1/32 of what an all-reduce of `float32` sends, for any number of ranks. Each rank counts an
    equal share of the weights; ranks decide ties by turns. A gradient of 0 is a vote to keep the sign
    of the weight. Voted gradients have a magnitude of 1 whatever the loss: choose the learning rate, or
    the threshold of `Bop`, accordingly.

    Raises `Error` in the backward pass if a gradient of a binary weight is not finite or not
    `float32`.
    """
    group = state.group if state.group is not None else dist.group.WORLD
    voted, averaged = [], []
    for parameter, gradient in zip(bucket.parameters(), bucket.gradients(), strict=True):
        if state.votes_on(parameter):
            voted.append((parameter, gradient))
        else:
            averaged.append(gradient)
    flat = torch.cat([g.reshape(-1) for g in averaged]) if averaged else None
    summing = dist.all_reduce(flat, group=group, async_op=True) if averaged else None
    if voted:
        _vote(voted, group)
    if averaged:
        # Waited for here: Python code in a thread of the process group may outlive the interpreter.
        summing.wait()
        for gradient, total in zip(averaged, flat.split([g.numel() for g in averaged]), strict=True):
            gradient.copy_(total.view_as(gradient).div_(group.size()))
    done = Future()
    done.set_result(bucket.buffer())
    return done


def _vote(voted: list[tuple[Tensor, Tensor]], group: dist.ProcessGroup) -> None:
    """Votes on the gradients of some weights, in place."""
    ranks, rank = group.size(), group.rank()
    words = [-(-gradient.numel() // _WORD) for _, gradient in voted]
    share = -(-sum(words) // ranks)  # words that each rank counts
    sent = np.zeros(share * ranks, np.uint64)
    # The rank that decides ties, by the place of a word in its parameter: no rank decides all, and
    # results do not depend on how parameters are put into buckets.
    decides = np.zeros(share * ranks, np.intp)
    at = 0
    for (weight, gradient), count in zip(voted, words, strict=True):
        sent[at : at + count] = _native.pack(_ballot(weight, gradient).numpy()[None])[0]
        decides[at : at + count] = np.arange(count) % ranks
        at += count
    votes = np.empty((ranks, share), np.uint64)
    dist.all_to_all_single(_tensor(votes), _tensor(sent), group=group)
    own = decides[rank * share : (rank + 1) * share]
    counted = _native.majority(votes, votes[own, np.arange(share)])
    dist.all_gather_into_tensor(_tensor(sent), _tensor(counted), group=group)
    at = 0
    for (_, gradient), count in zip(voted, words, strict=True):
        signs = _native.unpack(sent[None, at : at + count], count * _WORD, "float32")[0, : gradient.numel()]
        gradient.copy_(torch.from_numpy(signs).view_as(gradient))
        at += count


def _tensor(words: np.ndarray) -> Tensor:
    """The memory of an array, as PyTorch sends it."""
    return torch.from_numpy(words.view("int64").reshape(-1))


def _ballot(weight: Tensor, gradient: Tensor) -> Tensor:
    """The numbers whose signs are a rank's votes."""
    if gradient.dtype != torch.float32:
        raise Error(f"gradients of binary weights: expected float32, found {gradient.dtype}")
    if not gradient.isfinite().all():
        raise Error("gradients of binary weights: expected finite ones, found infinity or NaN")
    # A step against the gradient: of the weight's own sign, it leaves the weight where it is or
    # moves it away from 0.
    keep = torch.where(weight >= 0, -1.0, 1.0)
    return torch.where(gradient == 0, keep, gradient).reshape(-1)
