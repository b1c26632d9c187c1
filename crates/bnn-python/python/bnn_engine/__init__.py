"""Binary neural networks on packed bits.

Weights and activations are +1 or -1, one bit each. `sign(x)` is +1 where `x >= 0`, else -1: so +1
for -0.0, and -1 for NaN. Bit 1 is +1; element `j` of a row is bit `j % 64` of word `j // 64`, and
rows begin on a word, whose unused bits are 0.

- `pack`, `unpack`: numbers to bits and back.
- `matmul`, `Weights`: products of bits with bits, exact in `int32`, and of floats with signs.
- `Model`, `info`: model files (`.bnn`), as `bnn train` and the exporters write them.
- `import_model`: models of networks that other programs trained.
- `train`: training on arrays, by the recipe of `bnn train`.
- `bnn_engine.torch`: modules and functions for PyTorch that train on bits.
- `bnn_engine.onnxruntime`: models as ONNX files, whose binary layers ONNX Runtime runs with this
  engine.

All functions release the GIL while they compute and share large work among threads of the package
(`set_num_threads`); results do not depend on their number. Errors are `bnn_engine.Error`, a
`ValueError`, with what was wrong and what was expected.
"""

import os as _os

from ._native import Error, __version__, forget_threads, isa, num_threads, set_num_threads
from .bits import Weights, matmul, pack, row_words, unpack
from .importing import import_model
from .model import Model, info
from .training import Epoch, Trained, train

__all__ = [
    "Epoch",
    "Error",
    "Model",
    "Trained",
    "Weights",
    "__version__",
    "import_model",
    "info",
    "isa",
    "matmul",
    "num_threads",
    "pack",
    "row_words",
    "set_num_threads",
    "train",
    "unpack",
]

if hasattr(_os, "register_at_fork"):
    # A child process has none of its parent's threads: it starts its own.
    _os.register_at_fork(after_in_child=forget_threads)
del forget_threads
