/// <reference lib="es2020" />
/// <reference lib="esnext.disposable" />

/**
 * Binary neural networks in WebAssembly: opens `.bnn` files and runs them.
 *
 * Everything is computed by the library of the bnn engine (`bnn.h`), built for WebAssembly, so that
 * results are the same bits as on every other target.
 */

/** `simd128` has 128-bit vectors, `plain` runs in every engine. Results are equal. */
export type Build = 'simd128' | 'plain';

/** The status of a refused call: those of `bnn.h` without `BNN_ERROR_`. */
export type Status =
  | 'NULL' | 'MISALIGNED' | 'ZERO' | 'OVERFLOW' | 'MISMATCH' | 'TOO_SHORT' | 'RANGE' | 'TAIL_BITS'
  | 'OVERLAP' | 'ISA_UNKNOWN' | 'ISA_ABSENT' | 'INTERNAL' | 'INDIVISIBLE' | 'UNSUPPORTED'
  | 'NOT_FINITE' | 'MODEL_FORMAT' | 'MODEL_DAMAGED' | 'MODEL_INVALID' | 'NOT_OPEN' | 'LAYER'
  | 'THREADS' | 'NO_MEMORY' | 'FILE';

/** A call that was refused. It has changed nothing. */
export class BnnError extends Error {
  constructor(status: Status, message: string);
  readonly status: Status;
  /** The number of the status in `bnn.h`. */
  readonly code: number;
}

/** The bytes are no model file, or one that is damaged or breaks a rule of the format. */
export class ModelError extends BnnError {
  constructor(status: ModelError['status'], message: string);
  readonly status: 'MODEL_FORMAT' | 'MODEL_DAMAGED' | 'MODEL_INVALID';
}

/** Height, width and channels; height and width are 1 of what is no image. */
export type Shape = [height: number, width: number, channels: number];

/** What a model takes: -1 and +1, or whole numbers of so many bits, a byte each. */
export interface InputType {
  readonly type: 'bits' | 'u8';
  /** 1 for bits; 1 to 8 for bytes, each less than `1 << bits`. */
  readonly bits: number;
}

/** A layer of a chain, with copies of its arrays. What a layer does not have is `undefined`. */
export interface Layer {
  readonly kind: 'dense' | 'conv2d' | 'max_pool2d';
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly kernel: [height: number, width: number];
  readonly stride: [y: number, x: number];
  readonly dilation: [y: number, x: number];
  readonly padding: [top: number, bottom: number, left: number, right: number];
  readonly padValue: -1 | 0 | 1;
  readonly groups: number;
  readonly input: InputType;
  /** `k`: the inputs of a neuron; 0 of a pool. */
  readonly weightsPerOutput: number;
  /** A row of `ceil(k / 64)` words per output; bit 1 is +1, the least significant bit first. */
  readonly weights?: BigUint64Array;
  /** The layer makes bits of bytes: +1 where a byte reaches the threshold of its channel. */
  readonly inputThresholds?: Uint8Array;
  /** The outputs are `scale * sum + bias`. */
  readonly scale?: Float32Array;
  readonly bias?: Float32Array;
  /** The outputs are the bits `sum >= threshold`. */
  readonly thresholds?: Int16Array | Int32Array;
}

/**
 * What a model runs on: numbers in any array, or words of bits (`BigUint64Array`) for models that
 * take bits. Bytes (`Uint8Array`, `Uint8ClampedArray`) are taken as they are, others are converted.
 */
export type Input =
  | Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array
  | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array
  | BigUint64Array | readonly number[];

/**
 * A `WebAssembly.Module`. Its own name needs a library of types, `dom` or another one, which not
 * every program has.
 */
export type Module = object;

export interface OpenOptions {
  /** By default the best that this engine can run. */
  readonly build?: Build;
  /**
   * The module of a build, compiled by the caller, for programs in which files of a package have no
   * URL. Nothing is read then.
   */
  readonly module?: Module;
}

/** Scores (`f32`), sums (`i32`), or words of bits, each pixel on words of its own (`bits`). */
export type Output = Float32Array | Int32Array | BigUint64Array;

/** A checked model file, in memory of its own. */
export class Model {
  private constructor();

  /**
   * Copies a model file, checks all of it, and opens it.
   *
   * @param file the bytes of a `.bnn` file
   * @throws {ModelError} for anything but a file that the format allows
   */
  static open(file: ArrayBuffer | ArrayBufferView, options?: OpenOptions): Promise<Model>;

  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly input: InputType;
  readonly output: { readonly type: 'bits' | 'i32' | 'f32' };
  /** The names of the classes in the order of the scores, if the file has all of them. */
  readonly labels: readonly string[] | undefined;
  /** The `key=value` lines that the writer of the file left. */
  readonly meta: ReadonlyMap<string, string>;
  readonly fileBytes: number;
  /** Bytes that a run works in. The first run reserves them. */
  readonly scratchBytes: number;
  /** The build that it runs in; of a `module` what the caller said beside it. */
  readonly build: Build | undefined;
  /** The library's name of its kernels. */
  readonly isa: string;
  /** The library's version. */
  readonly version: string;
  /** The layers of a chain, read when asked for; none of a graph. */
  readonly layers: readonly Layer[];

  /**
   * Runs one sample and returns a new array.
   *
   * @param input `height * width * channels` elements in this order. Models of bytes take whole
   *   numbers; models of bits take numbers, of which the signs count (`x >= 0` is +1), or packed
   *   words, each pixel on words of its own, tail bits 0.
   * @throws {BnnError} for another number of elements (`MISMATCH`), one that is too large
   *   (`RANGE`), tail bits that are set (`TAIL_BITS`), too little memory (`NO_MEMORY`), or a freed
   *   model (`NOT_OPEN`)
   */
  run(input: Input): Output;

  /** Runs `samples` samples that follow each other, as do their outputs. Throws as `run`. */
  runBatch(input: Input, samples: number): Output;

  /** Gives the memory back. The model refuses every later call; its fields stay. */
  free(): void;

  /** The same as `free`, for `using`. */
  [Symbol.dispose](): void;
}

/** Whether this engine has the vectors of the build `simd128`: `WebAssembly.validate` says so. */
export function hasSimd128(): boolean;

/** The build that is taken by default. */
export function bestBuild(): Build;

/** The compiled module of a build. It is read and compiled once. */
export function compile(build?: Build): Promise<Module>;

/** An address in the memory of an instance. */
type Pointer = number;

/** A `WebAssembly.Memory`. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 65536 bytes, and returns how many there were. */
  grow(pages: number): number;
}

/** A `WebAssembly.Global` that holds an address. */
export interface Address {
  readonly value: Pointer;
}

/** The functions of `bnn.h` in WebAssembly: pointers and `size_t` are numbers of 32 bits. */
export interface Exports {
  readonly memory: Memory;
  /** The first address that the library does not use. */
  readonly __heap_base: Address;
  readonly __data_end: Address;
  bnn_status_string(status: number): Pointer;
  bnn_last_error_message(): Pointer;
  bnn_abi_version(): number;
  bnn_version(): Pointer;
  bnn_isa(): Pointer;
  bnn_set_num_threads(threads: number): number;
  bnn_num_threads(): number;
  bnn_row_words(k: number): number;
  bnn_pack_f32(x: Pointer, rows: number, k: number, stride: number, bits: Pointer, words: number): number;
  bnn_unpack_f32(bits: Pointer, words: number, rows: number, k: number, x: Pointer, stride: number): number;
  bnn_gemm_i32(a: Pointer, b: Pointer, m: number, n: number, k: number, c: Pointer, stride: number): number;
  bnn_model_open(bytes: Pointer, len: number, out: Pointer): number;
  bnn_model_input(model: Pointer, out: Pointer): number;
  bnn_model_output(model: Pointer, out: Pointer): number;
  bnn_model_input_shape(model: Pointer, shape: Pointer): number;
  bnn_model_output_shape(model: Pointer, shape: Pointer): number;
  bnn_model_scratch_bytes(model: Pointer): number;
  bnn_model_meta(model: Pointer, text: Pointer, len: Pointer): number;
  bnn_model_layers(model: Pointer): number;
  bnn_model_layer(model: Pointer, index: number, out: Pointer): number;
  bnn_model_run(model: Pointer, input: Pointer, inputBytes: number, output: Pointer, outputBytes: number,
    scratch: Pointer, scratchBytes: number): number;
  bnn_model_run_batch(model: Pointer, samples: number, input: Pointer, inputBytes: number, output: Pointer,
    outputBytes: number, scratch: Pointer, scratchBytes: number): number;
  bnn_model_stream_bytes(model: Pointer): number;
  bnn_stream_open(model: Pointer, memory: Pointer, bytes: number, out: Pointer): number;
  bnn_stream_push(stream: Pointer, row: Pointer, rowBytes: number, output: Pointer, outputBytes: number,
    ready: Pointer): number;
  bnn_stream_reset(stream: Pointer): number;
  bnn_stream_slides(stream: Pointer): number;
}

/** The exports of a new instance, as C sees them, for all that `Model` has no method for. */
export function load(build?: Build): Promise<Exports>;
