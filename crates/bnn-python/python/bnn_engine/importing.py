"""Networks that other programs trained."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import _native
from ._files import check_inputs, write_model
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
    force: bool = False,
) -> Model:
    """Makes a model of a binary network that another program trained.

    path: an ONNX file, as `torch.onnx.export` (both exporters), Brevitas and QONNX write it, a
        `.tflite` file of Larq Compute Engine, of floats or 8-bit integers, a folder of weights of
        BNN-PYNQ, or a whole network of Larq in Keras's HDF5 (`model.save("net.h5")`; needs h5py).
    out: a model file to write; a model file there is replaced, whole or not at all, unless it is one
        that the import has read.
    input: `"bytes"`, or `"bits"` where the network was trained on -1 and +1.
    scale, mean, std: what the network's numbers were of a byte, `(byte * scale - mean) / std`; mean
        and std are one number for all channels, or one for each.
    sign_of_zero: `"onnx"`: the sign of 0 is 0, and a network in which that shows is refused, for in
        a model it is +1; `"plus"`: the network was trained with +1.
    samples: how many random samples network and model are compared on; fewer where so many would
        take too long.
    force: replace at `out` also a file that is no model file.

    What a user of the model must know is a `UserWarning`.

    Raises `Error` for a network that a model file cannot hold, with the name of the node, its type
    and why, for one whose scores the model does not have, and for an `out` that is an input
    or, without `force`, a file that is no model file; `OSError` for what cannot be read.
    """
    if input not in ("bytes", "bits"):
        raise Error(f"input: expected 'bytes' or 'bits', found {input!r}")
    if sign_of_zero not in ("onnx", "plus"):
        raise Error(f"sign_of_zero: expected 'onnx' or 'plus', found {sign_of_zero!r}")
    if samples < 1:
        raise Error(f"samples: expected at least 1, found {samples}")
    numbers = (float(scale), _list(mean), _list(std)) if input == "bytes" else None
    with _onnx_of(os.fspath(path)) as network:
        file, _, _, notes, read = _native.import_model(network, numbers, sign_of_zero == "plus", samples)
    model = Model(file)
    if out is not None:
        check_inputs(out, (path, *read))
        write_model(out, file, force)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return model


# The first bytes of HDF5 files.
_HDF5 = b"\x89HDF\r\n\x1a\n"


@contextmanager
def _onnx_of(path: str) -> Iterator[str]:
    """The path of a network that the library reads; for a Keras network, of a temporary ONNX file."""
    is_keras = False
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            is_keras = file.read(len(_HDF5)) == _HDF5
    if not is_keras:
        yield path
        return
    from ._keras import onnx_of_keras

    with tempfile.TemporaryDirectory() as folder:
        network = os.path.join(folder, "network.onnx")
        with open(network, "wb") as file:
            file.write(onnx_of_keras(path))
        yield network


def _list(numbers: float | Sequence[float]) -> list[float]:
    return [float(numbers)] if isinstance(numbers, (int, float)) else [float(x) for x in numbers]
