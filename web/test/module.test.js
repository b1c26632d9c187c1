// The module itself: its exports, and how a build is chosen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bestBuild, compile, hasSimd128, load } from 'bnn-engine';

import { labelsOf, parseMeta } from '../src/meta.js';
import { BUILDS, MODELS, read } from './support.js';

test('both builds stand alone and export the same functions, which the types list', async () => {
  const types = new TextDecoder().decode(read('web/src/index.d.ts'));
  const listed = [...types.matchAll(/^ {2}(?:readonly )?(bnn_\w+|memory|__\w+)[(:]/gm)].map(([, name]) => name);
  for (const build of BUILDS) {
    const module = await compile(build);
    assert.deepEqual(WebAssembly.Module.imports(module), []);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    assert.deepEqual(names.sort(), listed.sort(), build);
    assert.equal(await compile(build), module, 'compiled once');
  }
});

test('every function without a model in its arguments does what bnn.h says, called as C calls', async () => {
  for (const build of BUILDS) {
    const x = await load(build);
    const text = (at) => {
      const bytes = new Uint8Array(x.memory.buffer, at);
      return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
    };
    assert.equal(x.bnn_abi_version(), 1);
    assert.match(text(x.bnn_version()), /^\d+\.\d+\.\d+$/);
    assert.notEqual(text(x.bnn_isa()), '');
    assert.equal(x.bnn_row_words(65), 2);
    assert.equal(x.bnn_set_num_threads(1), 0);
    assert.equal(x.bnn_num_threads(), 1);
    assert.equal(text(x.bnn_last_error_message()), '');

    // Signs + - +, weights + + + and - + -: sums 1 and -3.
    const at = x.__heap_base.value + 15 & ~15;
    const floats = (from, values) => new Float32Array(x.memory.buffer, from, values.length).set(values);
    const [row, weights, a, b, c] = [at, at + 16, at + 64, at + 80, at + 96];
    floats(row, [0.5, -2, -0]);
    floats(weights, [1, 1, 1, -1, 1, NaN]);
    assert.equal(x.bnn_pack_f32(row, 1, 3, 3, a, 1), 0);
    assert.equal(x.bnn_pack_f32(weights, 2, 3, 3, b, 2), 0);
    assert.equal(x.bnn_gemm_i32(a, b, 1, 2, 3, c, 2), 0);
    assert.deepEqual(Array.from(new Int32Array(x.memory.buffer, c, 2)), [1, -3]);
    assert.equal(x.bnn_unpack_f32(a, 1, 1, 3, c, 3), 0);
    assert.deepEqual(Array.from(new Float32Array(x.memory.buffer, c, 3)), [1, -1, 1]);

    assert.equal(x.bnn_pack_f32(0, 1, 3, 3, a, 1), 1);
    assert.equal(text(x.bnn_last_error_message()), 'x is NULL');
    assert.equal(text(x.bnn_status_string(1)), 'a pointer is NULL');
    assert.equal(x.bnn_pack_f32(row, 1, 3, 2, a, 1), 6);
    assert.match(text(x.bnn_last_error_message()), /x_stride.*3.*2/);
  }
});

/** Hands out an instance's memory after what the library uses. */
function memoryOf(x) {
  let at = x.__heap_base.value;
  const reserve = (bytes) => {
    const from = at + 15 & ~15;
    at = from + bytes;
    x.memory.grow(Math.max(0, Math.ceil((at - x.memory.buffer.byteLength) / 65536)));
    return from;
  };
  const put = (bytes) => {
    const from = reserve(bytes.length);
    new Uint8Array(x.memory.buffer).set(bytes, from);
    return from;
  };
  return { reserve, put };
}

test('a batch gives the outputs of its samples', async () => {
  for (const build of BUILDS) {
    const x = await load(build);
    const { reserve, put } = memoryOf(x);
    const file = read(`${MODELS}/digits.bnn`);
    const [model, output] = [reserve(64), reserve(3 * 40)];
    assert.equal(x.bnn_model_open(put(file), file.length, model), 0);
    const scratchBytes = 3 * x.bnn_model_scratch_bytes(model);
    const input = put(read(`${MODELS}/digits.inputs`).subarray(0, 3 * 64));
    const scratch = reserve(scratchBytes);
    const run = (samples) => x.bnn_model_run_batch(model, samples, input, 192, output, 120, scratch, scratchBytes);
    assert.equal(run(3), 0);
    const expected = new Float32Array(read(`${MODELS}/digits.outputs`).buffer, 0, 30);
    assert.deepEqual(new Float32Array(x.memory.buffer, output, 30), expected);
    assert.equal(run(2), 5, 'sizes of three samples');
  }
});

test('a stream of rows ends in the outputs of the whole image', async () => {
  const x = await load();
  const { reserve, put } = memoryOf(x);
  const file = read(`${MODELS}/cnn.bnn`);
  const image = put(read(`${MODELS}/digits.inputs`).subarray(0, 64));
  const [model, stream, shape, ready, output] = [reserve(64), reserve(128), reserve(16), reserve(4), reserve(40)];
  assert.equal(x.bnn_model_open(put(file), file.length, model), 0);
  assert.equal(x.bnn_model_input_shape(model, shape), 0);
  const [height, width] = new Uint32Array(x.memory.buffer, shape, 2);
  assert.deepEqual([height, width], [8, 8]);
  const bytes = x.bnn_model_stream_bytes(model);
  assert.equal(x.bnn_stream_open(model, reserve(bytes), bytes, stream), 0);
  for (let row = 0; row < height; row += 1) {
    assert.equal(x.bnn_stream_push(stream, image + row * width, width, output, 40, ready), 0);
    assert.equal(new Int32Array(x.memory.buffer, ready, 1)[0], Number(row === height - 1));
  }
  const expected = new Float32Array(read(`${MODELS}/cnn.outputs`).buffer, 0, 10);
  assert.deepEqual(new Float32Array(x.memory.buffer, output, 10), expected);
  assert.equal(typeof x.bnn_stream_slides(stream), 'number');
  assert.equal(x.bnn_stream_reset(stream), 0);
});

test('engines without vectors take the plain build', (t) => {
  assert.equal(bestBuild(), hasSimd128() ? 'simd128' : 'plain');
  t.mock.method(WebAssembly, 'validate', () => false);
  assert.equal(bestBuild(), 'plain');
});

test('the vectors that are asked for are those that the module has', async () => {
  const bytes = read('web/dist/bnn-simd128.wasm');
  assert.ok(!hasSimd128() || WebAssembly.validate(bytes));
  assert.ok(hasSimd128(), 'Node.js has them');
});

test('names of classes and other notes are read as they were written', () => {
  const meta = parseMeta('class.0=a\\u{2603}b\\\\\nclass.1=x=y\r\nclass.1=z\nno pair\nline=\\n\n');
  assert.deepEqual(labelsOf(meta, 2), ['a\u2603b\\', 'x=y']);
  assert.equal(meta.get('line'), '\n');
  assert.equal(labelsOf(meta, 3), undefined);
  assert.equal(labelsOf(meta, 1e9), undefined);
});
