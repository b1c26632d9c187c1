"""Packing and products against their definitions."""

import numpy as np
import pytest

import bnn_engine as bnn
from conftest import signs

# Around the ends of words, of the kernels' panels (32 outputs) and of their tiles.
ROWS = [1, 2, 7, 33]
OUTPUTS = [1, 31, 32, 33, 65]
TERMS = [1, 63, 64, 65, 129, 577]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("k", TERMS)
def test_bits_are_the_signs_in_the_order_of_the_bit_law(rng, dtype, k):
    x = rng.integers(-3, 4, (5, k)).astype(dtype)
    bits = bnn.pack(x)
    assert bits.dtype == np.uint64 and bits.shape == (5, bnn.row_words(k))
    little = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")
    assert (little[:, :k] == (x >= 0)).all()
    assert not little[:, k:].any()
    for back in ["float32", "float64", "int8", "int16", "int32", "int64"]:
        unpacked = bnn.unpack(bits, k, back)
        assert unpacked.dtype == back and (unpacked == signs(x)).all()


def test_zeros_and_nans_follow_the_sign_law():
    x = np.array([[0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -1e-45]], np.float32)
    assert bnn.unpack(bnn.pack(x), 8).tolist() == [[1, 1, -1, -1, 1, -1, 1, -1]]


def test_truths_are_the_bits_themselves():
    assert bnn.pack(np.array([[True, False, True]])).tolist() == [[0b101]]


@pytest.mark.parametrize("order", ["C", "F"])
def test_strides_byte_orders_and_leading_dimensions_do_not_matter(rng, order):
    x = rng.standard_normal((4, 6, 70)).astype(np.float32)
    expected = bnn.pack(np.ascontiguousarray(x))
    assert (bnn.pack(np.asarray(x, order=order)) == expected).all()
    assert (bnn.pack(x[::-1])[::-1] == expected).all()
    assert (bnn.pack(x.astype(">f4")) == expected).all()
    assert (bnn.pack(np.broadcast_to(x[0], x.shape)) == expected[:1]).all()
    assert bnn.pack(x[0, 0]).shape == (2,)
    assert bnn.pack(np.empty((0, 70), np.float32)).shape == (0, 2)
    assert bnn.unpack(np.empty((0, 2), np.uint64), 70).shape == (0, 70)


@pytest.mark.parametrize("m", ROWS)
@pytest.mark.parametrize("n", OUTPUTS)
@pytest.mark.parametrize("k", TERMS)
def test_products_of_bits_are_exact(rng, m, n, k):
    x, w = rng.standard_normal((m, k)), rng.standard_normal((n, k))
    expected = signs(x) @ signs(w).T
    y = bnn.matmul(bnn.pack(x), bnn.Weights.pack(w))
    assert y.dtype == np.int32 and (y == expected).all()
    assert (bnn.matmul(bnn.pack(x), bnn.pack(w), k) == expected).all()


def test_affine_products_round_twice(rng):
    x, w = rng.standard_normal((9, 100)), rng.standard_normal((40, 100))
    scale, bias = rng.standard_normal((2, 40)).astype(np.float32)
    sums = (signs(x) @ signs(w).T).astype(np.float32)
    y = bnn.Weights.pack(w).affine(bnn.pack(x), scale, bias)
    assert y.dtype == np.float32 and (y == sums * scale + bias).all()


def test_products_of_floats_with_signs_are_exact_where_sums_are(rng):
    x = rng.integers(-8, 9, (3, 4, 130)).astype(np.float32)
    w = rng.standard_normal((37, 130))
    y = bnn.matmul(x, bnn.Weights.pack(w))
    assert y.dtype == np.float32 and (y == x @ signs(w).T.astype(np.float32)).all()


def test_products_of_floats_with_signs_are_as_exact_as_sums_of_floats(rng):
    x, w = rng.standard_normal((50, 1000)).astype(np.float32), rng.standard_normal((30, 1000))
    exact = x.astype(np.float64) @ signs(w).T
    error = np.abs(bnn.matmul(x, bnn.Weights.pack(w)) - exact)
    # The bound of a sum of 1000 terms, with room for three parts to a term.
    assert (error <= 3000 * 2.0**-24 * np.abs(x).sum(axis=1, keepdims=True)).all()


def test_weights_keep_what_they_were_made_of():
    bits = bnn.pack(np.ones((2, 3)))
    w = bnn.Weights(bits, 3)
    bits[:] = 0
    assert w.shape == (2, 3) and (w.bits == 7).all() and not w.bits.flags.writeable
    assert bnn.matmul(bnn.pack(np.ones((1, 3))), w).tolist() == [[3, 3]]


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: bnn.pack(np.float32(1)), bnn.Error, "last dimension"),
        (lambda: bnn.pack(np.empty((3, 0))), bnn.Error, "(3, 0)"),
        (lambda: bnn.pack(np.ones((1, 8), np.uint8)), TypeError, "uint8"),
        (lambda: bnn.pack(np.ones((1, 8), complex)), TypeError, "complex128"),
        (lambda: bnn.unpack(np.ones((1, 2), np.uint64), 64), bnn.Error, "(1, 2)"),
        (lambda: bnn.unpack(np.full((1, 1), 2**63, np.uint64), 63), bnn.Error, "row 0 has a bit set"),
        (lambda: bnn.unpack(np.ones((1, 1), np.int64), 64), TypeError, "int64"),
        (lambda: bnn.unpack(np.ones((1, 1), np.uint64), 64, "uint8"), TypeError, "uint8"),
        (lambda: bnn.Weights(np.ones(1, np.uint64), 64), bnn.Error, "two dimensions"),
        (lambda: bnn.Weights(np.empty((0, 1), np.uint64), 64), bnn.Error, "at least 1"),
        (lambda: bnn.matmul(np.ones((1, 1), np.uint64), np.ones((1, 1), np.uint64)), bnn.Error, "expected k"),
        (lambda: bnn.matmul(np.ones((1, 2), np.uint64), bnn.Weights.pack(np.ones((1, 3)))), bnn.Error, "(1, 2)"),
        (lambda: bnn.matmul(np.ones((1, 2), np.float32), bnn.Weights.pack(np.ones((1, 3)))), bnn.Error, "(1, 2)"),
        (lambda: bnn.matmul(np.ones((1, 3)), bnn.Weights.pack(np.ones((1, 3)))), TypeError, "float64"),
        (lambda: bnn.set_num_threads(0), bnn.Error, "found 0"),
    ],
)
def test_bad_arguments_are_refused_in_words(call, error, says):
    with pytest.raises(error) as raised:
        call()
    assert says in str(raised.value)


def test_errors_are_value_errors():
    assert issubclass(bnn.Error, ValueError)
