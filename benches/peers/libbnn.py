"""The functions of libbnn that the contest calls, through include/bnn.h alone."""

import ctypes
from ctypes import POINTER, c_char_p, c_float, c_int32, c_size_t, c_void_p
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BITS, U8, I32, F32 = range(4)
DENSE, CONV2D, MAX_POOL2D = range(3)


class Tensor(ctypes.Structure):
    _fields_ = [("elements", c_size_t), ("bytes", c_size_t), ("element", c_int32), ("element_bits", c_int32)]


class Layer(ctypes.Structure):
    _fields_ = [
        ("input_shape", c_size_t * 3),
        ("output_shape", c_size_t * 3),
        ("kernel", c_size_t * 2),
        ("stride", c_size_t * 2),
        ("dilation", c_size_t * 2),
        ("padding", c_size_t * 4),  # top, bottom, left, right
        ("groups", c_size_t),
        ("weights_per_output", c_size_t),
        ("weights", c_void_p),
        ("input_thresholds", c_void_p),
        ("scale", c_void_p),
        ("bias", c_void_p),
        ("thresholds_i16", c_void_p),
        ("thresholds_i32", c_void_p),
        ("kind", c_int32),
        ("element", c_int32),
        ("element_bits", c_int32),
        ("pad_value", c_int32),
    ]


class Conv2dOptions(ctypes.Structure):
    _fields_ = [
        ("image", c_size_t * 3),
        ("outputs", c_size_t),
        ("kernel", c_size_t * 2),
        ("stride", c_size_t * 2),
        ("dilation", c_size_t * 2),
        ("groups", c_size_t),
        ("padding", c_size_t * 4),  # top, bottom, left, right
        ("pad_value", c_int32),
        ("clip", c_float),
    ]


class OpenModel(ctypes.Structure):
    _fields_ = [("words", c_void_p * 16)]


LIBRARY = ctypes.CDLL(str(ROOT / "target/release/libbnn.so"))
LIBRARY.bnn_isa.restype = LIBRARY.bnn_version.restype = LIBRARY.bnn_last_error_message.restype = c_char_p
LIBRARY.bnn_model_layers.restype = c_size_t
LIBRARY.bnn_set_num_threads.argtypes = [c_size_t]
LIBRARY.bnn_packed_model_new_from_file.argtypes = [c_char_p, POINTER(c_void_p)]
LIBRARY.bnn_packed_model_view.argtypes = [c_void_p, POINTER(OpenModel)]
LIBRARY.bnn_packed_model_run.argtypes = [c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_size_t]
LIBRARY.bnn_builder_new.argtypes = [c_int32, c_int32, POINTER(c_void_p)]
LIBRARY.bnn_builder_image.argtypes = [c_void_p] + [c_size_t] * 3
LIBRARY.bnn_builder_conv2d_f32.argtypes = [c_void_p, POINTER(Conv2dOptions), c_void_p]
LIBRARY.bnn_builder_threshold_i32.argtypes = [c_void_p, c_void_p, c_size_t]
LIBRARY.bnn_builder_finish.argtypes = [c_void_p, POINTER(c_size_t)]
LIBRARY.bnn_builder_file.argtypes = [c_void_p, c_void_p, c_size_t]
LIBRARY.bnn_builder_free.argtypes = [c_void_p]
LIBRARY.bnn_model_layer.argtypes = [POINTER(OpenModel), c_size_t, POINTER(Layer)]
LIBRARY.bnn_gemm_i32.argtypes = [c_void_p, c_void_p, c_size_t, c_size_t, c_size_t, c_void_p, c_size_t]


def call(function, *arguments):
    status = function(*arguments)
    if status != 0:
        raise RuntimeError(f"{function.__name__}: {LIBRARY.bnn_last_error_message().decode()}")


class PackedModel:
    """A bnn_packed_model_t. It lives as long as the process."""

    def __init__(self, path):
        self.handle, self.view = c_void_p(), OpenModel()
        call(LIBRARY.bnn_packed_model_new_from_file, str(path).encode(), ctypes.byref(self.handle))
        call(LIBRARY.bnn_packed_model_view, self.handle, ctypes.byref(self.view))
        self.input, self.output = Tensor(), Tensor()
        call(LIBRARY.bnn_model_input, ctypes.byref(self.view), ctypes.byref(self.input))
        call(LIBRARY.bnn_model_output, ctypes.byref(self.view), ctypes.byref(self.output))

    def layers(self):
        for index in range(LIBRARY.bnn_model_layers(ctypes.byref(self.view))):
            layer = Layer()
            call(LIBRARY.bnn_model_layer, ctypes.byref(self.view), index, ctypes.byref(layer))
            yield layer

    def runner(self, x):
        """A function without arguments that runs the samples `x`, an array of bytes [samples, bytes]."""
        samples = len(x)
        y = np.empty(samples * self.output.bytes, np.uint8)
        arguments = (self.handle, samples, x.ctypes.data, x.nbytes, y.ctypes.data, y.nbytes)
        return lambda keep=(x, y): call(LIBRARY.bnn_packed_model_run, *arguments)


def convolution(image, outputs):
    """The file of a model of one convolution of 3 x 3, zeros around the image, from bits to bits."""
    random = np.random.default_rng(4)
    builder, size = c_void_p(), c_size_t()
    options = Conv2dOptions()
    call(LIBRARY.bnn_conv2d_options_init, ctypes.byref(options))
    options.image, options.outputs, options.kernel = tuple(image), outputs, (3, 3)
    options.padding = (1, 1, 1, 1)
    filters = random.standard_normal((outputs, 3, 3, image[2])).astype(np.float32)
    thresholds = random.integers(-9, 10, outputs).astype(np.int32)
    call(LIBRARY.bnn_builder_new, BITS, 1, ctypes.byref(builder))
    call(LIBRARY.bnn_builder_image, builder, *image)
    call(LIBRARY.bnn_builder_conv2d_f32, builder, ctypes.byref(options), filters.ctypes.data)
    call(LIBRARY.bnn_builder_threshold_i32, builder, thresholds.ctypes.data, outputs)
    call(LIBRARY.bnn_builder_finish, builder, ctypes.byref(size))
    file = np.empty(size.value, np.uint8)
    call(LIBRARY.bnn_builder_file, builder, file.ctypes.data, file.nbytes)
    LIBRARY.bnn_builder_free(builder)
    return file.tobytes()


def multiplier(a, b, k, c):
    """A function without arguments that multiplies rows of bits, to the sums `c`."""
    m, n = c.shape
    arguments = (a.ctypes.data, b.ctypes.data, m, n, k, c.ctypes.data, n)
    return lambda keep=(a, b, c): call(LIBRARY.bnn_gemm_i32, *arguments)
