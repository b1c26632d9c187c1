"""Writes conv_vectors.json: convolutions and pools as PyTorch computes them, in float64.

    /usr/bin/python3 make_conv_vectors.py        (made with PyTorch 1.13.1 of Debian 12)

Tensors are noted as the tests want them: images as `[batch, height, width, channels]`, filters as
`[outputs, kernel height, kernel width, channels / groups]`; PyTorch has the channels second.
"""

import json
import pathlib

import torch
import torch.nn.functional as F

from make_vectors import edges, leaf, plain, rand, sign_activation, sign_weight

torch.manual_seed(21)


def channels_last(x):
    return x.permute(0, 2, 3, 1).contiguous() if x.dim() == 4 else x


def case(function, **inputs):
    """Runs a function of the inputs forward and backward and notes everything, channels last."""
    leaves = {name: leaf(x) for name, x in inputs.items()}
    y = function(**leaves)
    dy = rand(*y.shape)
    y.backward(dy)
    noted = {**inputs, "y": y, "dy": dy}
    noted.update({"d" + name: x.grad for name, x in leaves.items()})
    return {name: channels_last(x) for name, x in noted.items()}


def binary(**options):
    """Zeros around the signs."""
    return lambda x, w: F.conv2d(sign_activation(x), sign_weight(w), **options)


def binary_padded(value, pad, **options):
    """The signs surrounded by -1 or +1."""
    return lambda x, w: F.conv2d(F.pad(sign_activation(x), pad, value=value), sign_weight(w), **options)


def pixels(*shape):
    return torch.randint(0, 256, shape).double()


cases = {
    "binary": case(binary(padding=1), x=edges(rand(2, 65, 5, 4)), w=edges(rand(3, 65, 3, 3))),
    "binary_strided": case(
        binary(stride=(2, 1), dilation=(1, 2), padding=(1, 2)),
        x=edges(rand(2, 3, 6, 7)),
        w=edges(rand(4, 3, 3, 2)),
    ),
    "binary_grouped": case(
        binary(groups=2, padding=1), x=edges(rand(1, 66, 4, 4)), w=edges(rand(4, 33, 3, 3))
    ),
    "binary_depthwise": case(
        binary(groups=5, padding=1, stride=2), x=edges(rand(2, 5, 6, 6)), w=edges(rand(10, 1, 3, 3))
    ),
    # F.pad counts from the last axis: left, right, top, bottom.
    "binary_minus_one": case(
        binary_padded(-1.0, (2, 0, 1, 1)), x=edges(rand(1, 7, 4, 4)), w=edges(rand(2, 7, 3, 3))
    ),
    "binary_plus_one": case(
        binary_padded(1.0, (1, 1, 1, 1)), x=edges(rand(1, 64, 4, 4)), w=edges(rand(2, 64, 3, 3))
    ),
    "sign_weight": case(
        lambda x, w: F.conv2d(x, sign_weight(w), padding=1), x=pixels(2, 2, 5, 6), w=edges(rand(4, 2, 3, 3))
    ),
    "conv2d": case(
        lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2), x=rand(2, 4, 5, 5), w=rand(6, 2, 3, 3), b=rand(6)
    ),
    "max_pool": case(lambda x: F.max_pool2d(x, 2), x=rand(2, 5, 6, 7)),
    # Small integers, so that there are equal ones under a window.
    "max_pool_overlapping": case(
        lambda x: F.max_pool2d(x, 3, stride=2, padding=1), x=torch.randint(-2, 3, (2, 4, 6, 5)).double()
    ),
    "avg_pool": case(
        lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False), x=rand(2, 4, 6, 5)
    ),
    "global_avg_pool": case(lambda x: x.mean((2, 3)), x=rand(2, 4, 3, 5)),
}

if __name__ == "__main__":
    path = pathlib.Path(__file__).with_name("conv_vectors.json")
    lines = [
        f"{json.dumps(name)}: {json.dumps({key: plain(x) for key, x in noted.items()})}"
        for name, noted in cases.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
