"""Makes the .tflite files of ../lce.rs as the converter of Larq Compute Engine writes them, inputs for
them, and the scores that numpy computes of the operators' definitions.

usage: python make_lce.py    (wants flatbuffers and numpy)
"""

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

FLOAT32, INT32 = 0, 2
SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3
CODES = dict(ADD=0, CONCATENATION=2, CONV_2D=3, DEPTHWISE_CONV_2D=4, FULLY_CONNECTED=9, MAX_POOL_2D=17, MUL=18)
CODES |= dict(RESHAPE=22, SOFTMAX=25, MEAN=40, SUB=41, PRELU=54)
SAMPLES = 8


class Table:
    """A table of flatbuffers: fields by their numbers, in the order in which they are added."""

    def __init__(self, **fields):
        self.fields = {int(name[1:]): value for name, value in fields.items()}

    def write(self, builder):
        made = {slot: self.child(builder, value) for slot, value in self.fields.items()}
        builder.StartObject(max(made, default=0) + 1)
        for slot, value in made.items():
            kind = self.fields[slot]
            if isinstance(kind, (bytes, str, list, np.ndarray, Table)):
                builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            elif isinstance(kind, np.int32):
                builder.PrependInt32Slot(slot, int(kind), 0)
            elif isinstance(kind, np.float32):
                builder.PrependFloat32Slot(slot, float(kind), 0.0)
            else:
                builder.PrependUint8Slot(slot, kind, 0)
        return builder.EndObject()

    @staticmethod
    def child(builder, value):
        if isinstance(value, Table):
            return value.write(builder)
        if isinstance(value, bytes):
            return builder.CreateByteVector(value)
        if isinstance(value, str):
            return builder.CreateString(value)
        if isinstance(value, list) and value and isinstance(value[0], Table):
            children = [child.write(builder) for child in value]
            builder.StartVector(4, len(children), 4)
            for child in reversed(children):
                builder.PrependUOffsetTRelative(child)
            return builder.EndVector()
        if isinstance(value, list):
            return builder.CreateNumpyVector(np.array(value, np.int32))
        if isinstance(value, np.ndarray):
            return builder.CreateNumpyVector(value)
        return value


class Net:
    """A network that is written and computed at once: values are (tensor, array of all samples)."""

    def __init__(self, seed, shape):
        self.rng = np.random.default_rng(seed)
        self.tensors, self.buffers, self.operators, self.codes = [], [Table()], [], []
        self.bytes = self.rng.integers(0, 256, (SAMPLES, *shape), np.uint8)
        x = (self.bytes * (1 / 255)).astype(np.float32)
        self.input = (self.tensor("input", FLOAT32, [1, *shape]), x)

    def tensor(self, name, kind, shape, data=None):
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(Table(_0=data.astype(data.dtype.newbyteorder("<")).tobytes()))
        self.tensors.append(Table(_0=list(shape), _1=kind, _2=np.int32(buffer), _3=name))
        return len(self.tensors) - 1

    def floats(self, array, name="weights"):
        array = np.asarray(array, np.float32)
        return self.tensor(name, FLOAT32, array.shape, array)

    def ints(self, array, name="numbers"):
        array = np.asarray(array, np.int32)
        return self.tensor(name, INT32, array.shape, array)

    def operator(self, name, inputs, y, options=None, custom=None, packed=None):
        """Adds one; returns its value. `packed`: the channels of an output of signs."""
        if name not in self.codes:
            self.codes.append(name)
        shape = [1, *y.shape[1:]]
        if packed is not None:
            shape[-1] = -(-packed // 32)
        kind = FLOAT32 if packed is None else INT32
        output = self.tensor(f"{name.lower()}_{len(self.operators)}", kind, shape)
        fields = dict(_0=np.int32(self.codes.index(name)), _1=list(inputs), _2=[output])
        if options is not None:
            fields |= dict(_3=1, _4=options)
        if custom is not None:
            fields |= dict(_5=custom)
        self.operators.append(Table(**fields))
        return output, y.astype(np.float32)

    def write(self, name, output):
        tensor, scores = output
        codes = []
        for code in self.codes:
            number = CODES.get(code, 32)
            fields = dict(_0=number, _3=np.int32(number))
            codes.append(Table(**fields, **({} if code in CODES else dict(_1=code))))
        graph = Table(_0=self.tensors, _1=[self.input[0]], _2=[tensor], _3=self.operators)
        model = Table(_0=np.int32(3), _1=codes, _2=[graph], _4=self.buffers)
        builder = flatbuffers.Builder(0)
        builder.Finish(model.write(builder), b"TFL3")
        with open(f"{name}.tflite", "wb") as file:
            file.write(bytes(builder.Output()))
        self.bytes.tofile(f"{name}.input")
        scores.astype("<f4").tofile(f"{name}.scores")

    # Operators

    def quantize(self, x):
        return self.operator("LceQuantize", [x[0]], signs(x[1]), packed=x[1].shape[-1])

    def binary_conv(self, x, n, kernel, stride=1, padding=VALID, one=0, activation=NONE, to_signs=False, groups=1):
        channels = x[1].shape[-1]
        w = signs(self.rng.standard_normal((n, *kernel, channels // groups)))
        options = dict(
            channels_in=channels,
            dilation_height_factor=1,
            dilation_width_factor=1,
            fused_activation_function=activation,
            pad_values=one,
            padding=padding,
            stride_height=stride,
            stride_width=stride,
        )
        sums = conv(x[1], w, stride, padding, one, groups)
        filters = self.ints(pack(w), "filters")
        k = w[0].size
        if to_signs:
            most = self.rng.integers(k // 2 - 4, k // 2 + 4, n)
            differing = (k - sums) / 2
            y = np.where(differing > most, -1, 1)
            inputs = [x[0], filters, -1, -1, self.ints(most, "thresholds")]
            return self.operator("LceBconv2d", inputs, y, custom=flex(options), packed=n)
        scale = self.rng.uniform(-0.3, 0.5, n).astype(np.float32)
        bias = self.rng.standard_normal(n).astype(np.float32)
        y = activated(sums.astype(np.float32), activation) * scale + bias
        inputs = [x[0], filters, self.floats(scale, "scale"), self.floats(bias, "bias"), -1]
        return self.operator("LceBconv2d", inputs, y, custom=flex(options))

    def binary_pool(self, x, channels, kernel, stride, padding):
        options = dict(
            padding=padding, stride_width=stride, stride_height=stride, filter_width=kernel, filter_height=kernel
        )
        y = max_pool(x[1], kernel, stride, padding)
        return self.operator("LceBMaxPool2d", [x[0]], y, custom=flex(options), packed=channels)

    def conv(self, x, n, kernel, stride, padding, activation, depthwise=False):
        channels = x[1].shape[-1]
        groups = channels if depthwise else 1
        w = self.rng.standard_normal((n, *kernel, channels // groups)).astype(np.float32)
        b = self.rng.standard_normal(n).astype(np.float32)
        y = activated(conv(x[1], w, stride, padding, 0, groups) + b, activation)
        stored = w[..., 0].transpose(1, 2, 0)[None] if depthwise else w
        inputs = [x[0], self.floats(stored), self.floats(b, "bias")]
        pair = dict(_1=np.int32(stride), _2=np.int32(stride))
        if depthwise:
            options = Table(_0=padding, **pair, _3=np.int32(n // channels), _4=activation)
            return self.operator("DEPTHWISE_CONV_2D", inputs, y, options)
        return self.operator("CONV_2D", inputs, y, Table(_0=padding, **pair, _3=activation))

    def dense(self, x, n, activation=NONE):
        w = self.rng.standard_normal((n, x[1].shape[-1])).astype(np.float32)
        b = self.rng.standard_normal(n).astype(np.float32)
        y = activated(x[1] @ w.T + b, activation)
        inputs = [x[0], self.floats(w), self.floats(b, "bias")]
        return self.operator("FULLY_CONNECTED", inputs, y, Table(_0=activation))

    def flatten(self, x):
        y = x[1].reshape(SAMPLES, -1)
        return self.operator("RESHAPE", [x[0], self.ints([-1, y.shape[1]], "shape")], y)

    def add(self, a, b, activation=NONE):
        y = activated(a[1] + b[1], activation)
        return self.operator("ADD", [a[0], b[0]], y, Table(_0=activation))

    def arithmetic(self, name, x, numbers):
        y = x[1] * numbers if name == "MUL" else x[1] - numbers
        return self.operator(name, [x[0], self.floats(numbers)], y, Table(_0=NONE))

    def concatenate(self, a, b):
        y = np.concatenate([a[1], b[1]], -1)
        return self.operator("CONCATENATION", [a[0], b[0]], y, Table(_0=np.int32(3), _1=NONE))

    def prelu(self, x):
        slope = self.rng.uniform(-0.5, 0.5, (1, 1, x[1].shape[-1])).astype(np.float32)
        return self.operator("PRELU", [x[0], self.floats(slope)], np.where(x[1] >= 0, x[1], slope * x[1]))

    def max_pool(self, x, kernel, stride, padding):
        size = np.int32
        options = Table(_0=padding, _1=size(stride), _2=size(stride), _3=size(kernel), _4=size(kernel))
        return self.operator("MAX_POOL_2D", [x[0]], max_pool(x[1], kernel, stride, padding), options)

    def mean(self, x):
        return self.operator("MEAN", [x[0], self.ints([1, 2], "axes")], x[1].mean((1, 2)), Table(_0=0))

    def softmax(self, x):
        """The model leaves it out, and so do the scores."""
        return self.operator("SOFTMAX", [x[0]], x[1])


def signs(x):
    return np.where(x >= 0, 1.0, -1.0)


def pack(w):
    """[.., channels] as words of 32 signs, bit 1 for -1."""
    channels = w.shape[-1]
    bits = np.zeros((*w.shape[:-1], -(-channels // 32) * 32), np.uint32)
    bits[..., :channels] = w < 0
    bits = bits.reshape(*w.shape[:-1], -1, 32) << np.arange(32, dtype=np.uint32)
    return bits.sum(-1, dtype=np.uint32).view(np.int32)


def flex(options):
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in options.items():
            builder.Key(name)
            builder.Int(value)
    return bytes(builder.Finish())


def activated(x, activation):
    return {NONE: x, RELU: np.maximum(x, 0), RELU6: np.clip(x, 0, 6)}[activation]


def padded(x, kernel, stride, padding, value):
    sides = [(0, 0)]
    for size, k in zip(x.shape[1:3], kernel):
        total = max((-(-size // stride) - 1) * stride + k - size, 0) if padding == SAME else 0
        sides.append((total // 2, total - total // 2))
    return np.pad(x, [*sides, (0, 0)], constant_values=value)


def windows(x, kernel, stride):
    rows, columns = [(size - k) // stride + 1 for size, k in zip(x.shape[1:3], kernel)]
    for i in range(rows):
        for j in range(columns):
            yield i, j, x[:, i * stride : i * stride + kernel[0], j * stride : j * stride + kernel[1]]


def conv(x, w, stride, padding, value, groups):
    n, *kernel, depth = w.shape
    x = padded(x, kernel, stride, padding, value)
    shape = [(size - k) // stride + 1 for size, k in zip(x.shape[1:3], kernel)]
    y = np.zeros((len(x), *shape, n))
    for i, j, window in windows(x, kernel, stride):
        for o in range(n):
            first = o // (n // groups) * depth
            y[:, i, j, o] = (window[..., first : first + depth] * w[o]).sum((1, 2, 3))
    return y


def max_pool(x, kernel, stride, padding):
    x = padded(x, (kernel, kernel), stride, padding, -np.inf)
    shape = [(size - kernel) // stride + 1 for size in x.shape[1:3]]
    y = np.zeros((len(x), *shape, x.shape[3]))
    for i, j, window in windows(x, (kernel, kernel), stride):
        y[:, i, j] = window.max((1, 2))
    return y


def chain():
    """Signs from end to end: thresholds, pools, padding by ones."""
    net = Net(1, (9, 8, 3))
    x = net.arithmetic("SUB", net.input, np.float32([0.5, 0.25, 0.625]))
    x = net.quantize(x)
    x = net.binary_conv(x, 40, (3, 3), padding=SAME, one=1, to_signs=True)
    x = net.binary_pool(x, 40, 2, 2, VALID)
    x = net.binary_conv(x, 33, (2, 2), to_signs=True)
    x = net.binary_conv(x, 10, (3, 3), activation=NONE)
    net.write("lce_chain", net.flatten(x))


def quicknet():
    """As QuickNet: a real stem, residual sums, padding by ones, transitions, a mean and a real head."""
    net = Net(2, (13, 12, 3))
    x = net.conv(net.input, 8, (3, 3), 2, SAME, RELU)
    x = net.conv(x, 16, (3, 3), 1, SAME, NONE, depthwise=True)
    y = net.binary_conv(net.quantize(x), 16, (3, 3), padding=SAME, one=1, activation=RELU)
    x = net.add(x, y)
    y = net.binary_conv(net.quantize(x), 16, (3, 3), padding=SAME, one=0)
    x = net.add(net.prelu(y), x, RELU6)
    x = net.max_pool(x, 3, 2, SAME)
    x = net.concatenate(x, net.arithmetic("MUL", x, np.float32(-0.5)))
    y = net.arithmetic("SUB", x, net.rng.standard_normal(32).astype(np.float32))
    y = net.binary_conv(net.quantize(y), 32, (3, 3), stride=2, padding=SAME, one=1, activation=RELU)
    x = net.mean(y)
    net.write("lce_quicknet", net.softmax(net.dense(x, 5)))


def flattened():
    """Groups, signs into a real layer, and an image of several pixels that is flattened."""
    net = Net(3, (6, 5, 64))
    x = net.quantize(net.arithmetic("SUB", net.input, np.float32(0.5)))
    x = net.binary_conv(x, 6, (3, 3), groups=2, activation=RELU)
    x = net.dense(net.flatten(x), 7, RELU)
    net.write("lce_flattened", net.dense(x, 4))


if __name__ == "__main__":
    chain()
    quicknet()
    flattened()
