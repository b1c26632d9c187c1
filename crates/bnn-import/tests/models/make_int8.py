"""Makes lce_int8.tflite of ../int8.rs: operators of 8-bit integers between tensors of which each has a
scale and a zero point of its own. Inputs, and what the interpreter of Larq Compute Engine makes of them.

usage: python make_int8.py    (wants flatbuffers, numpy and larq-compute-engine 0.16)
"""

import flatbuffers
import numpy as np
from larq_compute_engine.tflite.python.interpreter import Interpreter
from make_lce import Table

INT8, CHANNELS, SAMPLES = 9, 64, 64
rng = np.random.default_rng(8)
tensors, buffers, operators, codes = [], [Table()], [], []


def tensor(name, scale, zero, data=None):
    buffer = 0
    if data is not None:
        buffer = len(buffers)
        buffers.append(Table(_0=data.tobytes()))
    grid = Table(_2=np.array([scale], np.float32), _3=np.array([zero], np.int64))
    tensors.append(Table(_0=[1, CHANNELS], _1=INT8, _2=np.int32(buffer), _3=name, _4=grid))
    return len(tensors) - 1


def constant(name, scale, zero):
    return tensor(name, scale, zero, rng.integers(-128, 128, CHANNELS).astype(np.int8))


def operator(name, code, inputs, scale, zero, kind=0, options=None):
    codes.append(Table(_0=code, _3=np.int32(code)))
    output = tensor(name, scale, zero)
    fields = dict(_0=np.int32(len(codes) - 1), _1=inputs, _2=[output])
    if options is not None:
        fields |= dict(_3=kind, _4=options)
    operators.append(Table(**fields))
    return output


# The bytes, less 128, are the numbers of the input.
x = tensor("input", 1.0, 0)
x = operator("quantize", 114, [x], 1.37, 21)
x = operator("leaky_relu", 98, [x], 0.83, -38, 75, Table(_0=np.float32(0.6)))
x = operator("mul", 18, [x, constant("factors", 0.021, 5)], 1.19, 13, 21, Table(_0=0))
x = operator("add", 0, [x, constant("terms", 0.31, -9)], 1.41, 4, 11, Table(_0=0))
x = operator("prelu", 54, [x, constant("slopes", 0.0113, 2)], 1.07, -17)
x = operator("relu", 19, [x], 0.77, -101)

graph = Table(_0=tensors, _1=[0], _2=[x], _3=operators)
builder = flatbuffers.Builder(0)
model = Table(_0=np.int32(3), _1=codes, _2=[graph], _4=buffers)
builder.Finish(model.write(builder), b"TFL3")
file = bytes(builder.Output())
samples = rng.integers(0, 256, (SAMPLES, CHANNELS)).astype(np.uint8)
levels = Interpreter(file, num_threads=1).predict((samples.astype(int) - 128).astype(np.int8))
with open("lce_int8.tflite", "wb") as out:
    out.write(file)
samples.tofile("lce_int8.input")
scores = (np.asarray(levels).reshape(SAMPLES, CHANNELS).astype(int) + 101) * np.float32(0.77)
scores.astype("<f4").tofile("lce_int8.scores")
