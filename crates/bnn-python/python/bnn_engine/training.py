"""Training as `bnn train` does it, on arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._files import write_model
from ._meta import escape
from ._native import Error
from .model import Model


class Epoch(NamedTuple):
    """The results of an epoch."""

    loss: float
    train_accuracy: float
    test_accuracy: float


@dataclass(frozen=True)
class Trained:
    """A network that was trained, as a model file whose scores are those of the training, bit for
    bit."""

    file: bytes
    """The bytes of the model file."""
    history: list[Epoch]
    """The results of each epoch; the last accuracy is that of the model."""

    @property
    def model(self) -> Model:
        """The model, opened."""
        return Model(self.file)

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Writes the model file; a model file there is replaced, whole or not at all, any other file
        with `force` alone: else it is an `Error`."""
        write_model(path, self.file, force)


def train(
    x: ArrayLike,
    y: ArrayLike,
    test: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    hidden: Sequence[int] | None = None,
    input: str = "bytes",
    scores: str = "real",
    most: int = 255,
    epochs: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    seed: int = 1,
    class_names: Sequence[str] | None = None,
    progress: Callable[[int, Epoch], None] | None = None,
) -> Trained:
    """Trains a fully connected binary network, by the recipe of `bnn train`.

    x: `uint8` `[samples, features]`, `[samples, height, width]` or `[samples, height, width,
        channels]`; y: the classes of the samples, `[samples]`, from 0 on.
    test: the same of other samples, on which accuracy is measured; by default a fifth of the samples
        is taken for it, of each class its share to within one sample.
    hidden: widths of the hidden layers.
    input: `"bytes"`: the first layer takes bytes as they are; `"bits"`: +1 where a byte is not below
        the mean of the training samples; the model takes bytes all the same.
    scores: `"real"`, or `"integer"`, sums of the last layer, for devices without floats.
    most: the largest byte that a sample can have.
    epochs, batch, lr: passes, samples per step, and peak of the learning rate. What is not given
        suits the number of samples.
    seed: of all random numbers; the same seed gives the same file, for any number of threads.
    class_names: kept in the file.
    progress: called after each epoch with its number, from 1 on, and what it gave.

    Training samples of one class alone are a `UserWarning`.

    Raises `Error` for samples, labels or settings that do not fit each other or a network of more
    than 2^28 weights, `MemoryError` for a network, or a batch, that there is no memory to train
    (estimated before the first step), `TypeError` for another dtype. Ctrl-C is taken between epochs.
    """
    part = _part(x, y)
    if test is None:
        part, tested = _split(*part, seed)
    else:
        tested = _part(*test)
        if tested[0].shape[1:] != part[0].shape[1:]:
            raise Error(f"test samples: expected the shape {part[0].shape[1:]}, found {tested[0].shape[1:]}")
    (x, y), samples = part, len(part[0])
    if input not in ("bytes", "bits"):
        raise Error(f"input: expected 'bytes' or 'bits', found {input!r}")
    if scores not in ("real", "integer"):
        raise Error(f"scores: expected 'real' or 'integer', found {scores!r}")
    if not 1 <= most <= 255:
        raise Error(f"most: expected 1 to 255, found {most}")
    classes = len(class_names) if class_names is not None else int(max(y.max(), tested[1].max())) + 1
    image = {1: (1, *x.shape[1:], 1), 2: (*x.shape[1:], 1), 3: x.shape[1:]}[x.ndim - 1]
    suits = _native.recipe(samples)
    settings = SimpleNamespace(
        image=list(image),
        classes=classes,
        white=most,
        hidden=list(suits.hidden if hidden is None else hidden),
        is_of_bits=input == "bits",
        has_integer_scores=scores == "integer",
        epochs=suits.epochs if epochs is None else epochs,
        batch=suits.batch if batch is None else batch,
        learning_rate=suits.learning_rate if lr is None else lr,
        seed=seed,
    )
    settings.meta = _meta(settings, class_names)
    if (y == y[0]).all():
        name = dict(enumerate(class_names or ())).get(int(y[0]), str(y[0]))
        told = f"all {samples} training samples are of one class, {name!r}: a model of them tells nothing apart"
        warnings.warn(told, stacklevel=2)
    report = None if progress is None else lambda epoch, *stats: progress(epoch, Epoch(*stats))
    flat = [(x.reshape(-1), y) for x, y in (part, tested)]
    file, history = _native.train(*flat, settings, report)
    return Trained(file, [Epoch(*stats) for stats in history])


def _part(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype != np.uint8:
        raise TypeError(f"samples: expected uint8, found {x.dtype}")
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"labels: expected integers, found {y.dtype}")
    if x.ndim not in (2, 3, 4) or y.shape != x.shape[:1]:
        expected = "samples [samples, ...] and labels [samples]"
        raise Error(f"expected {expected}, found {x.shape} and {y.shape}")
    if len(x) == 0 or y.min() < 0 or y.max() > 0xFFFF:
        raise Error("labels: expected at least one, from 0 to 65535")
    return np.ascontiguousarray(x), np.ascontiguousarray(y, np.uint16)


def _split(x: NDArray[np.uint8], y: NDArray[np.uint16], seed: int):
    """Four fifths, and the rest, each with its share of every class."""
    if len(x) < 3:
        raise Error(f"samples: expected at least 3, found {len(x)}")
    return [(x[part], y[part]) for part in _native.split(y, seed)]


def _meta(settings: SimpleNamespace, class_names: Sequence[str] | None) -> str:
    height, width, channels = settings.image
    lines = [f"width={width}", f"height={height}", f"max={settings.white}"]
    lines += [f"channels={channels}"] * (channels > 1)
    lines += [f"epochs={settings.epochs}", f"seed={settings.seed}", "arch=mlp:" + ",".join(map(str, settings.hidden))]
    lines += [f"class.{i}={escape(name)}" for i, name in enumerate(class_names or ())]
    return "\n".join(lines) + "\n"
