// A model file, opened in an instance of the library of its own.

import { BnnError, ModelError, errorOf } from './errors.js';
import { LAYER_BYTES, readLayer } from './layers.js';
import { ALIGN, Memory } from './memory.js';
import { labelsOf, parseMeta } from './meta.js';

/** Bytes of a bnn_model_t of the 32-bit library. */
const MODEL_BYTES = 64;

const ABI_VERSION = 1;

/** By the numbers of bnn_element_t. */
const ELEMENTS = [
  { type: 'bits', Array: BigUint64Array },
  { type: 'u8', Array: Uint8Array },
  { type: 'i32', Array: Int32Array },
  { type: 'f32', Array: Float32Array },
];

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);

export class OpenModel {
  #exports;
  #memory;
  #model;
  /** Where the library writes what it is asked: a layer is the largest of it. */
  #answer;
  #input;
  #output;
  /** Memory that a run works in; it has an address from the first run on. */
  #scratch;
  /** Where the memory for input and output begins, which nothing lies behind. */
  #samplesFrom;
  /** Samples that it has room for. */
  #room = 0;
  #free = false;

  /**
   * @param {WebAssembly.Instance} instance of the library, which nothing else uses
   * @param {ArrayBuffer | ArrayBufferView} file
   * @param {'simd128' | 'plain' | undefined} build which one the instance is of, if it is known
   */
  constructor({ exports }, file, build) {
    this.#exports = exports;
    this.build = build;
    const abi = exports.bnn_abi_version();
    if (abi !== ABI_VERSION) {
      throw new BnnError('UNSUPPORTED', `the module has ABI ${abi}, expected ${ABI_VERSION}`);
    }
    const memory = new Memory(exports);
    this.#memory = memory;
    const bytes = bytesOf(file);
    if (bytes.length === 0) {
      throw new ModelError('MODEL_FORMAT', 'the file is empty, expected a bnn model file');
    }
    const at = memory.reserve(bytes.length);
    memory.view(Uint8Array, at, bytes.length).set(bytes);
    this.#model = memory.reserve(MODEL_BYTES);
    this.#answer = memory.reserve(LAYER_BYTES);
    this.#check(exports.bnn_model_open(at, bytes.length, this.#model));

    this.#input = { ...this.#tensor('bnn_model_input'), at: 0 };
    this.#output = { ...this.#tensor('bnn_model_output'), at: 0 };
    // A size, which WebAssembly gives with a sign. A small file can ask for any: the caller may look
    // at it before the first run reserves it.
    const scratchBytes = exports.bnn_model_scratch_bytes(this.#model) >>> 0;
    this.#scratch = { bytes: scratchBytes, at: undefined };

    this.fileBytes = bytes.length;
    this.scratchBytes = scratchBytes;
    this.inputShape = this.#shape('bnn_model_input_shape');
    this.outputShape = this.#shape('bnn_model_output_shape');
    this.input = { type: this.#input.type, bits: this.#input.bits };
    this.output = { type: this.#output.type };
    this.meta = this.#readMeta();
    this.labels = labelsOf(this.meta, product(this.outputShape));
    this.isa = memory.text(exports.bnn_isa());
    this.version = memory.text(exports.bnn_version());
  }

  run(input) {
    return this.runBatch(input, 1);
  }

  runBatch(input, samples) {
    this.#checkOpen();
    if (!Number.isSafeInteger(samples) || samples < 1) {
      throw new BnnError('ZERO', `samples: expected a whole number from 1 on, found ${samples}`);
    }
    const x = this.#packed(input, samples);
    this.#makeRoom(samples);
    const [from, to, scratch] = [this.#input, this.#output, this.#scratch];
    const Elements = x instanceof BigUint64Array ? BigUint64Array : Uint8Array;
    this.#memory.view(Elements, from.at, x.length).set(x);
    // One at a time, so that scratch memory for one suffices.
    for (let i = 0; i < samples; i += 1) {
      this.#check(
        this.#exports.bnn_model_run(
          this.#model,
          from.at + i * from.bytes,
          from.bytes,
          to.at + i * to.bytes,
          to.bytes,
          scratch.at,
          scratch.bytes,
        ),
      );
    }
    return this.#memory.view(to.Array, to.at, (samples * to.bytes) / to.Array.BYTES_PER_ELEMENT).slice();
  }

  get layers() {
    this.#checkOpen();
    return Array.from({ length: this.#exports.bnn_model_layers(this.#model) }, (_, i) => {
      this.#check(this.#exports.bnn_model_layer(this.#model, i, this.#answer));
      return readLayer(this.#memory, this.#answer);
    });
  }

  free() {
    this.#free = true;
    // The instance and its memory go with the last reference.
    this.#exports = this.#memory = undefined;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.free();
  }

  #check(code) {
    if (code !== 0) {
      throw errorOf(code, this.#memory.text(this.#exports.bnn_last_error_message()));
    }
  }

  #checkOpen() {
    if (this.#free) throw new BnnError('NOT_OPEN', 'the model has been freed');
  }

  #tensor(call) {
    this.#check(this.#exports[call](this.#model, this.#answer));
    const [elements, bytes, element, bits] = this.#memory.view(Uint32Array, this.#answer, 4);
    return { elements, bytes, bits, ...ELEMENTS[element] };
  }

  #shape(call) {
    this.#check(this.#exports[call](this.#model, this.#answer));
    return Array.from(this.#memory.view(Uint32Array, this.#answer, 3));
  }

  #readMeta() {
    const at = this.#answer;
    this.#check(this.#exports.bnn_model_meta(this.#model, at, at + 4));
    const [address, bytes] = this.#memory.view(Uint32Array, at, 2);
    return parseMeta(this.#memory.text(address, bytes));
  }

  /** Memory for the input and the output of so many samples. */
  #makeRoom(samples) {
    if (samples <= this.#room) return;
    const memory = this.#memory;
    this.#scratch.at ??= memory.reserve(this.#scratch.bytes);
    this.#samplesFrom ??= memory.end;
    // In the place of the smaller one, and at once: what is refused changes nothing.
    memory.release(this.#samplesFrom);
    const inputBytes = Math.ceil((samples * this.#input.bytes) / ALIGN) * ALIGN;
    const at = memory.reserve(inputBytes + samples * this.#output.bytes);
    [this.#input.at, this.#output.at] = [at, at + inputBytes];
    this.#room = samples;
  }

  /** The input as the library takes it: bytes, or for a model of bits words. */
  #packed(input, samples) {
    const { type, elements, bytes } = this.#input;
    const isArray = ArrayBuffer.isView(input) || Array.isArray(input);
    if (!isArray || input instanceof DataView || input instanceof BigInt64Array) {
      throw new TypeError(`input: expected an array of numbers, found ${typeName(input)}`);
    }
    const isPacked = input instanceof BigUint64Array;
    if (isPacked && type !== 'bits') {
      throw new TypeError('input: the model takes bytes, found BigUint64Array');
    }
    const expected = samples * (isPacked ? bytes / 8 : elements);
    if (input.length !== expected) {
      throw new BnnError('MISMATCH', `input: expected ${expected} elements, found ${input.length}`);
    }
    if (isPacked) return input;
    return type === 'bits' ? packSigns(input, samples, this.inputShape) : toBytes(input);
  }
}

/** The signs of numbers as words, each pixel on words of its own. NaN is -1, -0 is +1. */
function packSigns(input, samples, [height, width, channels]) {
  const rows = samples * height * width;
  const perRow = Math.ceil(channels / 64);
  const words = new BigUint64Array(rows * perRow);
  const halves = new Uint32Array(words.buffer);
  for (let row = 0; row < rows; row += 1) {
    for (let c = 0; c < channels; c += 1) {
      if (input[row * channels + c] >= 0) halves[row * perRow * 2 + (c >> 5)] |= 1 << (c & 31);
    }
  }
  return words;
}

function toBytes(input) {
  if (input instanceof Uint8Array || input instanceof Uint8ClampedArray) return input;
  const bytes = Uint8Array.from(input);
  const wrong = bytes.findIndex((byte, i) => byte !== input[i]);
  if (wrong >= 0) {
    throw new BnnError('RANGE', `input: expected whole numbers from 0 to 255, found ${input[wrong]}`);
  }
  return bytes;
}

function bytesOf(file) {
  if (file instanceof ArrayBuffer) return new Uint8Array(file);
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  throw new TypeError(`file: expected an ArrayBuffer or a view of one, found ${typeName(file)}`);
}

const typeName = (value) => value?.constructor?.name ?? String(value);
