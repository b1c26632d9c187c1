"""Training on arrays, by the recipe of the command."""

import warnings

import numpy as np
import pytest

import bnn_engine as bnn
from bnn_engine import _native


def blobs(rng, samples=300):
    """Two kinds of noise, one bright on the left and one on the right."""
    y = rng.integers(0, 2, samples)
    x = rng.integers(0, 100, (samples, 4, 6))
    x[y == 0, :, :3] += 100
    x[y == 1, :, 3:] += 100
    return x.astype(np.uint8), y


@pytest.mark.parametrize("options", [{}, {"input": "bits"}, {"scores": "integer"}])
def test_a_network_learns_and_its_model_has_the_accuracy_of_the_training(rng, options):
    (x, y), test = blobs(rng), blobs(rng, 200)
    seen = []
    trained = bnn.train(
        x, y, test, hidden=[32], epochs=4, class_names=["left", "right"], progress=lambda *epoch: seen.append(epoch), **options
    )
    assert [number for number, _ in seen] == [1, 2, 3, 4]
    assert [epoch for _, epoch in seen] == trained.history
    model = trained.model
    accuracy = (model.predict(test[0]) == test[1]).mean()
    assert accuracy == trained.history[-1].test_accuracy > 0.95
    assert model.class_names == ["left", "right"]
    assert model.output_type == ("int32" if "scores" in options else "float32")


def test_the_same_seed_gives_the_same_file(rng, tmp_path):
    x, y = blobs(rng)
    files = [bnn.train(x, y, hidden=[16], epochs=2, seed=seed).file for seed in (1, 1, 2)]
    assert files[0] == files[1] != files[2]
    trained = bnn.train(x, y, hidden=[16], epochs=2)
    trained.save(tmp_path / "m.bnn")
    assert (tmp_path / "m.bnn").read_bytes() == files[0]


def test_a_model_replaces_models_and_other_files_by_force_alone(rng, tmp_path):
    x, y = blobs(rng)
    one, other = (bnn.train(x, y, hidden=[8], epochs=1, seed=seed) for seed in (1, 2))
    path = tmp_path / "m.bnn"
    for trained in (one, one, other):
        trained.save(path)
        assert path.read_bytes() == trained.file
    for foreign in (b"of mine", b"x" * len(one.file), b""):
        path.write_bytes(foreign)
        with pytest.raises(bnn.Error, match="m.bnn exists and holds something else.* force=True"):
            one.save(path)
        assert path.read_bytes() == foreign
    one.save(path, force=True)
    assert path.read_bytes() == one.file


@pytest.mark.parametrize("hidden, weights", [([2**40], 24 * 2**40), ([2**20, 2**20], 24 * 2**20 + 2**40)])
def test_a_network_that_would_take_all_memory_is_refused(rng, hidden, weights):
    x, y = blobs(rng)
    with pytest.raises(ValueError, match=f"number of weights is {weights}, expected at most {2**28}"):
        bnn.train(x, y, hidden=hidden)


def test_a_rare_class_is_in_both_parts(rng):
    """Samples of their own class, told by the first byte; ten of the rare one."""
    y = np.repeat([0, 1, 2], [400, 90, 10])
    order = rng.permutation(len(y))
    labels = y[order].astype(np.uint16)
    for seed in range(5):
        train, test = _native.split(labels, seed)
        assert sorted(train + test) == list(range(500))
        assert np.bincount(labels[train]).tolist() == [320, 72, 8]
        assert np.bincount(labels[test]).tolist() == [80, 18, 2]
    assert _native.split(labels, 1) == _native.split(labels, 1) != _native.split(labels, 2)


def test_samples_of_one_class_are_told(rng):
    x, y = blobs(rng)
    with pytest.warns(UserWarning, match="240 training samples are of one class, '1'"):
        bnn.train(x, np.ones_like(y), hidden=[8], epochs=1)
    with pytest.warns(UserWarning, match="one class, 'left'") as told:
        bnn.train(x, y * 0, (x, y), hidden=[8], epochs=1, class_names=["left", "right"])
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bnn.train(x, y, hidden=[8], epochs=1)


def test_what_does_not_fit_is_refused(rng):
    x, y = blobs(rng)
    with pytest.raises(TypeError, match="uint8"):
        bnn.train(x.astype(np.float32), y)
    with pytest.raises(TypeError, match="integers"):
        bnn.train(x, y.astype(np.float32))
    with pytest.raises(bnn.Error, match="labels"):
        bnn.train(x, y[1:])
    with pytest.raises(bnn.Error, match="test samples"):
        bnn.train(x, y, (x[:, :2], y))
    with pytest.raises(bnn.Error, match="hidden layers"):
        bnn.train(x, y, hidden=[])
    with pytest.raises(bnn.Error, match="at least 3, found 2"):
        bnn.train(x[:2], y[:2])
    with pytest.raises(bnn.Error, match="training samples"):
        bnn.train(x, y, most=15)
    with pytest.raises(bnn.Error, match="input"):
        bnn.train(x, y, input="floats")
    with pytest.raises(KeyboardInterrupt):
        bnn.train(x, y, hidden=[16], epochs=9, progress=lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
