// The network of a model file in f32, layer by layer: the same weights as floats of -1 and +1,
// multiplied with 128-bit vectors where the engine has them (f32.rs). Chains of layers only.

const WIDE = 32;
const NARROW = 16;

/** The most numbers that a layer may have in memory: 256 MiB. */
const MOST_NUMBERS = 2 ** 26;

/** Weights, and the patches or windows of a layer. */
function numbersOf({ kernel, outputShape: [height, width, n], weightsPerOutput }) {
  const perPixel = weightsPerOutput || kernel[0] * kernel[1];
  return (height * width + n) * perPixel + height * width * n;
}

/** Why a model has no twin, in words; `undefined` if it has one. */
export function withoutTwin(model) {
  const { layers } = model;
  if (layers.length === 0) return 'a graph; the f32 network beside it is there for chains of layers';
  if (layers.some(({ groups }) => groups !== 1)) return 'a network with groups of channels';
  if (model.input.type === 'bits') return 'a network that takes bits';
  if (layers.some((layer) => numbersOf(layer) > MOST_NUMBERS)) return 'a network that is too large';
  return undefined;
}

export class Twin {
  #exports;
  #end;
  #steps = [];
  #input;
  #thresholds;
  #first;
  #output;

  /**
   * @param {WebAssembly.Module} module of f32.rs
   * @param {import('../src/index.js').Model} model
   */
  constructor(module, model) {
    this.#exports = new WebAssembly.Instance(module).exports;
    this.#end = this.#exports.__heap_base.value;
    const { layers } = model;
    this.#thresholds = layers[0].inputThresholds;
    let x = this.#image(layers[0].inputShape, padOf(layers[0]));
    this.#input = x;
    layers.forEach((layer, i) => {
      const next = layers[i + 1];
      x = this.#add(layer, x, next === undefined ? 0 : padOf(next));
      if (i === 0) this.#first = x;
    });
    this.#output = x;
  }

  /** The scores of one sample. */
  run(input) {
    const x = this.#view(this.#input);
    const thresholds = this.#thresholds;
    if (thresholds === undefined) {
      x.set(input);
    } else {
      for (let i = 0; i < input.length; i += 1) {
        x[i] = input[i] >= thresholds[i % thresholds.length] ? 1 : -1;
      }
    }
    for (const step of this.#steps) step();
    return this.#view(this.#output).slice();
  }

  /** What the first layer gave in the last run: numbers, -1 and +1 if another layer follows. */
  get first() {
    return this.#view(this.#first);
  }

  /** Memory for an image, and a pixel of padding after it. */
  #image(shape, pad) {
    const length = shape[0] * shape[1] * shape[2];
    const at = this.#put(new Float32Array(length + shape[2]).fill(pad));
    return { at, length, shape };
  }

  #add(layer, x, pad) {
    const y = this.#image(layer.outputShape, pad);
    const f = this.#exports;
    const [height, width, n] = layer.outputShape;
    const m = height * width;
    if (layer.kind === 'max_pool2d') {
      const from = this.#put(pixelsUnder(layer));
      const taps = layer.kernel[0] * layer.kernel[1];
      this.#steps.push(() => f.greatest(x.at, from, y.at, m, taps, n));
      return y;
    }

    const k = layer.weightsPerOutput;
    const panels = Math.floor((n + WIDE - NARROW - 1) / WIDE);
    const half = Math.max(0, Math.ceil((n - panels * WIDE) / NARROW));
    const stride = panels * WIDE + half * NARROW;
    const w = this.#put(panelsOf(layer, panels, half));
    const sums = this.#put(new Float32Array(m * stride));
    let rows = x.at;
    if (layer.kind === 'conv2d') {
      const channels = layer.inputShape[2];
      const pixels = pixelsUnder(layer);
      const from = this.#put(pixels);
      rows = this.#put(new Float32Array(m * k));
      this.#steps.push(() => f.patches(x.at, from, rows, pixels.length, channels));
    }
    this.#steps.push(() => f.products(w, rows, sums, m, k, panels, half, stride));
    if (layer.thresholds !== undefined) {
      const limits = this.#put(Float32Array.from(layer.thresholds));
      this.#steps.push(() => f.signs(sums, limits, y.at, m, n, stride));
    } else {
      const scale = this.#put(layer.scale ?? new Float32Array(n).fill(1));
      const bias = this.#put(layer.bias ?? new Float32Array(n));
      this.#steps.push(() => f.affine(sums, scale, bias, y.at, m, n, stride));
    }
    return y;
  }

  #view({ at, length }) {
    return new Float32Array(this.#exports.memory.buffer, at, length);
  }

  /** Puts an array into memory and returns its address. */
  #put(array) {
    const { memory } = this.#exports;
    const at = Math.ceil(this.#end / 64) * 64;
    this.#end = at + array.byteLength;
    const missing = this.#end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
    new array.constructor(memory.buffer, at, array.length).set(array);
    return at;
  }
}

/** Padding around a layer's input; a pool's never wins. */
const padOf = ({ kind, padValue }) => (kind === 'max_pool2d' ? -Infinity : padValue);

/** The pixels under every tap of every window; those outside are the pixel after the image. */
function pixelsUnder({ inputShape: [height, width], outputShape, kernel, stride, dilation, padding }) {
  const pixels = [];
  for (let y = 0; y < outputShape[0]; y += 1) {
    for (let x = 0; x < outputShape[1]; x += 1) {
      for (let ky = 0; ky < kernel[0]; ky += 1) {
        for (let kx = 0; kx < kernel[1]; kx += 1) {
          const row = y * stride[0] + ky * dilation[0] - padding[0];
          const column = x * stride[1] + kx * dilation[1] - padding[2];
          const inside = row >= 0 && row < height && column >= 0 && column < width;
          pixels.push(inside ? row * width + column : height * width);
        }
      }
    }
  }
  return Uint32Array.from(pixels);
}

/** The weights as floats, in panels: in each, for every input the weights of its outputs. */
function panelsOf({ weights, weightsPerOutput: k, outputShape }, panels, half) {
  const words = Math.ceil(k / 64);
  const halves = new Uint32Array(weights.buffer);
  const all = new Float32Array((panels * WIDE + half * NARROW) * k);
  for (let o = 0; o < outputShape[2]; o += 1) {
    const isWide = o < panels * WIDE;
    const width = isWide ? WIDE : NARROW;
    const first = isWide ? o - (o % WIDE) : o - ((o - panels * WIDE) % NARROW);
    for (let l = 0; l < k; l += 1) {
      const bit = (halves[o * words * 2 + (l >> 5)] >>> (l & 31)) & 1;
      all[first * k + l * width + (o - first)] = bit === 1 ? 1 : -1;
    }
  }
  return all;
}
