"""Trains the networks of ../larq.rs with Larq on the digits of this repository, has Keras save them and
the converter of Larq Compute Engine convert them, and writes what its interpreter makes of all test
samples: the shares of a softmax, of which Keras has the same, or scores.

usage: python make_larq.py                       (writes beside itself)
       python make_larq.py FASHION-MNIST OUT     (the same networks, wider, 2 epochs; writes to the folder OUT)

Made with Python 3.11, tensorflow-cpu 2.15.1, larq 0.14.0, larq-compute-engine 0.16.0, one thread.
"""

import csv
import gzip
import os
import sys
from pathlib import Path

os.environ |= dict(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3")

import larq  # noqa: E402
import larq_compute_engine as lce  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from larq_compute_engine.tflite.python.interpreter import Interpreter  # noqa: E402

HERE = Path(__file__).parent
layers = tf.keras.layers
of_signs = dict(kernel_quantizer="ste_sign", kernel_constraint="weight_clip", use_bias=False)
binary = dict(input_quantizer="ste_sign", **of_signs)


def digits():
    """Bytes from 0 to 16, labels; the first 1437 are for training, as everywhere here."""
    with gzip.open(HERE / "../../../bnn-autograd/data/digits/digits.csv.gz", "rt") as file:
        rows = np.array(list(csv.reader(file)), np.float32).astype(np.uint8)
    x, y = rows[:, :-1].reshape(-1, 8, 8, 1), rows[:, -1]
    return (x[:1437], y[:1437]), (x[1437:], y[1437:])


def fashion(folder):
    def idx(name, offset):
        with gzip.open(Path(folder) / f"{name}.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    def part(name):
        return idx(f"{name}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1), idx(f"{name}-labels-idx1-ubyte", 8)

    return part("train"), part("t10k")


def norm():
    return layers.BatchNormalization(momentum=0.9)


def chain(shape, width):
    """Signs between all products; the first one takes numbers."""
    return tf.keras.Sequential(
        [
            larq.layers.QuantConv2D(width, 3, padding="same", input_shape=shape, **of_signs),
            norm(),
            larq.layers.QuantConv2D(width, 3, padding="same", pad_values=1.0, **binary),
            layers.MaxPooling2D(2),
            norm(),
            larq.layers.QuantConv2D(2 * width, 3, strides=2 if shape[0] > 8 else 1, **binary),
            norm(),
            layers.Flatten(),
            larq.layers.QuantDense(10, **binary),
            norm(),
            layers.Activation("softmax"),
        ]
    )


def fake(reach):
    """Rounds to 8 bits of -reach to reach, where the network is to have them."""
    return lambda x: tf.quantization.fake_quant_with_min_max_args(x, -reach, reach)


def quicknet(shape, width, bits=None):
    """As QuickNet: a real stem, residual sums, a transition, a mean and a real head; with `bits` = 8
    its numbers have so many, but for those between binary products and their norms."""

    def rounded(x, reach=4.0):
        return layers.Lambda(fake(reach))(x) if bits else x

    def block(x, filters):
        y = larq.layers.QuantConv2D(filters, 3, padding="same", pad_values=1.0, activation="relu", **binary)(x)
        return rounded(layers.Add()([x, rounded(norm()(y))]))

    image = layers.Input(shape)
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(rounded(image, 1.0))
    x = rounded(norm()(x))
    x = block(block(x, width), width)
    x = layers.MaxPooling2D(2)(x)
    x = rounded(norm()(layers.Conv2D(2 * width, 1, use_bias=False)(x)))
    x = block(x, 2 * width)
    x = rounded(layers.Activation("relu")(x))
    x = rounded(layers.GlobalAveragePooling2D()(x))
    x = rounded(layers.Dense(10)(x), 16.0)
    return tf.keras.Model(image, layers.Activation("softmax")(x))


def operators(shape):
    """All other operators that the importer knows, with weights that are not trained."""
    image = layers.Input(shape)
    x = layers.Conv2D(6, 3, padding="same", activation="relu6")(image)
    x = layers.AveragePooling2D(2)(x)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    y = layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_normal")(y)
    x = layers.LeakyReLU(0.1)(layers.Conv2D(12, 1)(x))
    x = layers.ZeroPadding2D(1)(layers.Concatenate()([y, x]))
    x = larq.layers.QuantConv2D(
        16, 3, strides=2, activation="relu", input_quantizer="ste_sign", kernel_quantizer="ste_sign"
    )(x)
    x = layers.AveragePooling2D(2, strides=1)(norm()(x))
    x = layers.Dense(7, activation="relu")(layers.Flatten()(x))
    return tf.keras.Model(image, layers.Dense(4)(x))


def by_interpreter(out, name, file, x, ending="shares"):
    """Writes a file, and what the interpreter of Larq Compute Engine makes of it."""
    (out / f"{name}.tflite").write_bytes(file)
    found = np.asarray(Interpreter(file, num_threads=1).predict(x)).reshape(len(x), -1)
    found.astype("<f4").tofile(out / f"{name}.{ending}")
    return found


def main():
    if len(sys.argv) == 3:
        train, test, scale = *fashion(sys.argv[1]), 1 / 255
        out, epochs, width, names = Path(sys.argv[2]), 2, 16, "fashion"
    else:
        train, test, scale = *digits(), 1 / 16
        out, epochs, width, names = HERE, 40, 8, "larq"
    (x, y), (test_x, test_y) = train, test
    x, test_x = [(bytes * np.float32(scale)).astype(np.float32) for bytes in (x, test_x)]
    test[0].tofile(out / f"{names}.input")
    shape = x.shape[1:]
    for name, net in (
        ("chain", lambda: chain(shape, width)),
        ("quicknet", lambda: quicknet(shape, width)),
        ("int8", lambda: quicknet(shape, width, bits=8)),
    ):
        tf.keras.utils.set_random_seed(1)
        net = net()
        net.compile(tf.keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
        falling = tf.keras.callbacks.LearningRateScheduler(lambda epoch: 0.005 * (1 - epoch / epochs))
        net.fit(x, y, 128, epochs, verbose=0, callbacks=[falling])
        file = lce.convert_keras_model(net)
        found = by_interpreter(out, f"{names}_{name}", file, test_x)
        print(name, len(file), "bytes, accuracy by the interpreter", (found.argmax(1) == test_y).mean(), flush=True)
        if name != "int8":
            net.save(out / f"{names}_{name}.h5", include_optimizer=False)
            shares = net.predict(test_x, 256, verbose=0)
            assert np.abs(shares - found).max() < 1e-4, "Keras and the interpreter differ"
    if out == HERE:
        net = operators(shape)
        by_interpreter(out, "larq_operators", lce.convert_keras_model(net), test_x, "scores")
        file = lce.convert_keras_model(net, experimental_default_int8_range=(-3.0, 5.0))
        by_interpreter(out, "larq_operators_int8", file, test_x, "scores")


if __name__ == "__main__":
    main()
