"""Models in ONNX Runtime: `export` writes an ONNX file, whose binary layers are nodes of the domain
`bnn`; with `register`, ONNX Runtime runs them with this engine's kernels. Scores are those of
`Model.run`, bit for bit. docs/ONNX_RUNTIME.md describes the nodes, which a float network may have,
too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import _native
from ._files import check_inputs, check_same, replace_file
from .model import Model

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["DOMAIN", "export", "library", "register"]

#: The operator domain of the nodes in ONNX files.
DOMAIN = "bnn"


def export(
    model: Model | str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
) -> bytes:
    """The ONNX file of a model: its bytes, the same for the same model.

    model: a model or the path of one.
    out: a file to write, whole or not at all.
    force: replace a file there; without it, a file that holds anything else is an `Error`.

    The input of the ONNX file is `input`, `[N, height, width, channels]` or `[N, inputs]`: bytes, or
    packed signs (`uint64`, words in the place of channels) as `pack` makes them. Its output is
    `output`.

    Raises `Error` for a node that ONNX has nothing for, such as fixed point, with its number and why,
    and for an `out` that is the model or, without `force`, another file; `OSError` for what cannot be read or written.
    """
    opened = model if isinstance(model, Model) else Model.open(model)
    file = opened._native.onnx()
    if out is not None:
        check_inputs(out, () if isinstance(model, Model) else (model,))
        if not force:
            check_same(out, file)
        replace_file(out, file)
    return file


def library() -> str:
    """The path of the library that `SessionOptions.register_custom_ops_library` takes."""
    return _native.__file__


def register(options: onnxruntime.SessionOptions) -> onnxruntime.SessionOptions:
    """Has sessions with these options run nodes of the domain `bnn`, on the threads of this package
    (`set_num_threads`). Returns the options. Wants ONNX Runtime 1.17 or newer."""
    options.register_custom_ops_library(library())
    return options
