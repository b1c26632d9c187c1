"""Networks that other programs trained."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

from . import _native
from ._files import replace_file
from ._native import Error
from .model import Model


def import_model(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    input: str = "bytes",
    scale: float = 1 / 255,
    mean: float | Sequence[float] = (),
    std: float | Sequence[float] = (),
    sign_of_zero: str = "onnx",
    samples: int = 64,
) -> Model:
    """Makes a model of a binary network that another program trained.

    path: an ONNX file, as `torch.onnx.export` (both exporters), Brevitas and QONNX write it, a
        `.tflite` file of floats of Larq Compute Engine, or a folder of weights of BNN-PYNQ.
    out: a model file to write; a file there is replaced, whole or not at all.
    input: `"bytes"`, or `"bits"` where the network was trained on -1 and +1.
    scale, mean, std: what the network's numbers were of a byte, `(byte * scale - mean) / std`; mean
        and std are one number for all channels, or one for each.
    sign_of_zero: `"onnx"`: the sign of 0 is 0, and a network in which that shows is refused, for in
        a model it is +1; `"plus"`: the network was trained with +1.
    samples: how many random samples network and model are compared on.

    What a user of the model must know is a `UserWarning`.

    Raises `Error` for a network that a model file cannot hold, with the name of the node, its type
    and why, and for one whose scores the model does not have; `OSError` for what cannot be read.
    """
    if input not in ("bytes", "bits"):
        raise Error(f"input: expected 'bytes' or 'bits', found {input!r}")
    if sign_of_zero not in ("onnx", "plus"):
        raise Error(f"sign_of_zero: expected 'onnx' or 'plus', found {sign_of_zero!r}")
    if samples < 1:
        raise Error(f"samples: expected at least 1, found {samples}")
    numbers = (float(scale), _list(mean), _list(std)) if input == "bytes" else None
    file, _, _, notes = _native.import_model(os.fspath(path), numbers, sign_of_zero == "plus", samples)
    model = Model(file)
    if out is not None:
        replace_file(out, file)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return model


def _list(numbers: float | Sequence[float]) -> list[float]:
    return [float(numbers)] if isinstance(numbers, (int, float)) else [float(x) for x in numbers]
