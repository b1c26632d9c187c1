// Models: what is in a file, what runs give, and what is refused.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { BnnError, Model, ModelError, compile } from 'bnn-engine';

import { OpenModel } from '../src/model.js';
import { BUILDS, DIGITS, MODELS, predicted, read, root, withoutBnn } from './support.js';

const open = (path, options) => Model.open(read(path), options);

test('the 360 test digits have the scores that `bnn predict` prints, on both builds', { skip: withoutBnn }, async () => {
  const { samples, scores } = predicted();
  assert.equal(samples.length, 360);
  assert.equal(scores.length, 360);
  for (const build of BUILDS) {
    const model = await open(DIGITS, { build });
    for (const [i, sample] of samples.entries()) {
      assert.deepEqual(Array.from(model.run(sample)), scores[i], `${build}, sample ${i}`);
    }
    const all = new Uint8Array(samples.flatMap((sample) => Array.from(sample)));
    assert.deepEqual(Array.from(model.runBatch(all, 360)), scores.flat(), `${build}, at once`);
  }
});

test('both builds give the outputs that the host gives, of every kind of network', async () => {
  // Dense layers, bits from bytes, integer scores, convolutions, residual graphs.
  const outputs = { digits: Float32Array, 'digits-bits': Int32Array, 'digits-int': Int32Array,
    cnn: Float32Array, residual: Int32Array, resnet: Int32Array };
  const inputs = read(`${MODELS}/digits.inputs`);
  for (const build of BUILDS) {
    for (const [name, Elements] of Object.entries(outputs)) {
      const model = await open(`${MODELS}/${name}.bnn`, { build });
      const expected = new Elements(read(`${MODELS}/${name}.outputs`).buffer);
      const found = model.runBatch(inputs, 100);
      assert.equal(found.constructor, Elements);
      assert.deepEqual(found, expected, `${build}, ${name}`);
    }
  }
});

test('a model says what it takes and gives, and what its file notes', async () => {
  const model = await open(`${MODELS}/digits.bnn`);
  assert.deepEqual(model.inputShape, [1, 1, 64]);
  assert.deepEqual(model.outputShape, [1, 1, 10]);
  assert.deepEqual(model.input, { type: 'u8', bits: 5 });
  assert.deepEqual(model.output, { type: 'f32' });
  assert.equal(model.meta.get('arch'), 'mlp:128,64');
  assert.equal(model.fileBytes, 2902);
  assert.equal(model.scratchBytes, 64);
  assert.equal(model.labels, undefined);
  const image = await open(`${MODELS}/fashion.bnn`);
  assert.deepEqual(image.inputShape, [28, 28, 1]);
  assert.equal(image.run(new Uint8Array(784)).length, 10);
});

test('layers are copies of what the file holds', async () => {
  const model = await open(`${MODELS}/fashion.bnn`);
  const { layers } = model;
  assert.deepEqual(layers.map(({ kind }) => kind), ['conv2d', 'max_pool2d', 'conv2d', 'conv2d',
    'max_pool2d', 'conv2d', 'max_pool2d', 'conv2d']);
  assert.deepEqual(layers[0].input, { type: 'u8', bits: 8 });
  assert.deepEqual(layers[2].kernel, [3, 3]);
  assert.equal(layers[2].weightsPerOutput, 9 * 32);
  assert.equal(layers[2].weights.length, 64 * 5);
  assert.equal(layers[2].thresholds.length, 64);
  assert.equal(layers[7].scale.length, 10);
  assert.equal(layers[1].weights, undefined);
  layers[0].weights.fill(0n);
  assert.notEqual(model.layers[0].weights[0], 0n);
  assert.deepEqual((await open(`${MODELS}/resnet.bnn`)).layers, [], 'a graph has none');
});

test('a file that is changed in any byte or cut anywhere is refused by name', async () => {
  const whole = read(`${MODELS}/digits.bnn`);
  const refused = async (bytes, status, message) => {
    await assert.rejects(Model.open(bytes), (error) => {
      assert.ok(error instanceof ModelError && error instanceof BnnError, `${error}`);
      assert.equal(error.status, status);
      assert.match(error.message, message);
      return true;
    });
  };
  for (let at = 40; at < whole.length; at += 97) {
    const bytes = whole.slice();
    bytes[at] ^= 1 << at % 8;
    await refused(bytes, 'MODEL_DAMAGED', /checksum/);
  }
  await refused(whole.slice(0, 2000), 'MODEL_DAMAGED', /2000 bytes.*2902|2902.*2000/);
  await refused(new Uint8Array(100), 'MODEL_FORMAT', /not a bnn model file/);
  const newer = whole.slice();
  newer[8] = 9;
  await refused(newer, 'MODEL_FORMAT', /version 9/);
  await refused(new Uint8Array(), 'MODEL_FORMAT', /empty/);
});

test('inputs that do not fit are refused, and the model runs on', async () => {
  const model = await open(`${MODELS}/digits.bnn`);
  const digit = read(`${MODELS}/digits.inputs`).slice(0, 64);
  const before = model.run(digit);
  assert.throws(() => model.run(digit.slice(1)), { status: 'MISMATCH', message: /64.*63/ });
  assert.throws(() => model.run(new Uint8Array(64).fill(32)), { status: 'RANGE', message: /31.*32|32.*31/ });
  assert.throws(() => model.run(new Float32Array(64).fill(0.5)), { status: 'RANGE', message: /0\.5/ });
  assert.throws(() => model.run(new Array(64).fill(-1)), { status: 'RANGE' });
  assert.throws(() => model.runBatch(digit, 0), { status: 'ZERO' });
  assert.throws(() => model.run('digit'), TypeError);
  assert.throws(() => model.run(new BigUint64Array(1)), TypeError);
  assert.throws(() => model.run(new BigInt64Array(64)), TypeError);
  assert.throws(() => model.run(new DataView(digit.buffer)), TypeError);
  assert.deepEqual(model.run(Array.from(digit)), before);
  for (const Elements of [Buffer, Uint8ClampedArray, Uint16Array, Uint32Array, Int8Array, Int16Array,
    Int32Array, Float32Array, Float64Array]) {
    assert.deepEqual(model.run(Elements.from(digit)), before, Elements.name);
  }
});

/** A model whose memory is seen too, and grows by at most `most` pages at once. */
async function watched(name, { most = Infinity, ...changed } = {}) {
  const { exports } = await WebAssembly.instantiate(await compile('plain'));
  const memory = {
    get buffer() {
      return exports.memory.buffer;
    },
    grow(pages) {
      if (pages > most) throw new RangeError('too many pages');
      return exports.memory.grow(pages);
    },
  };
  const model = new OpenModel({ exports: { ...exports, memory, ...changed } }, read(`${MODELS}/${name}.bnn`));
  return { model, bytes: () => memory.buffer.byteLength };
}

test('batches that grow take no more memory than the largest, and refused ones none', async () => {
  const inputs = read(`${MODELS}/digits.inputs`);
  const digits = (count) => Uint8Array.from({ length: 64 * count }, (_, i) => inputs[i % inputs.length]);
  const [growing, largest] = [await watched('digits', { most: 9 }), await watched('digits')];
  const expected = largest.model.runBatch(digits(5000), 5000);
  for (const count of [...Array(300).keys(), 5000]) {
    if (count === 0) continue;
    assert.deepEqual(growing.model.runBatch(digits(count), count), expected.slice(0, 10 * count));
    if (count % 100 !== 0) continue;
    const before = growing.bytes();
    assert.throws(() => growing.model.runBatch(digits(20_000), 20_000), { status: 'NO_MEMORY' });
    assert.equal(growing.bytes(), before);
    assert.deepEqual(growing.model.run(digits(1)), expected.slice(0, 10), 'it runs on');
  }
  assert.equal(growing.bytes(), largest.bytes());
});

test('memory that a file asks for is taken by the first run, which may be refused', async () => {
  const { model, bytes } = await watched('digits', { bnn_model_scratch_bytes: () => -16 });
  assert.equal(model.scratchBytes, 2 ** 32 - 16);
  const before = bytes();
  assert.throws(() => model.run(new Uint8Array(64)), { name: 'BnnError', status: 'NO_MEMORY' });
  assert.equal(bytes(), before);
});

test('a module that the caller compiled is taken', async () => {
  const module = await WebAssembly.compile(read('web/dist/bnn.wasm'));
  const model = await open(`${MODELS}/digits.bnn`, { module });
  assert.equal(model.build, undefined);
  const [inputs, outputs] = ['inputs', 'outputs'].map((kind) => read(`${MODELS}/digits.${kind}`));
  assert.deepEqual(model.runBatch(inputs, 100), new Float32Array(outputs.buffer));
  await assert.rejects(open(`${MODELS}/digits.bnn`, { module: read('web/dist/bnn.wasm') }), TypeError);
});

test('a freed model refuses calls, others go on', async () => {
  const [one, other] = [await open(`${MODELS}/digits.bnn`), await open(`${MODELS}/digits.bnn`)];
  one.free();
  one.free();
  assert.throws(() => one.run(new Uint8Array(64)), { status: 'NOT_OPEN' });
  assert.throws(() => one.layers, { status: 'NOT_OPEN' });
  assert.equal(other.run(new Uint8Array(64)).length, 10);
});

test('what is no file and what is no build are told apart', async () => {
  await assert.rejects(Model.open('digits.bnn'), TypeError);
  await assert.rejects(Model.open(read(`${MODELS}/digits.bnn`), { build: 'avx2' }), /simd128 or plain.*avx2/);
});

test("the README's example runs", () => {
  const [, example] = /```js\n([^]*?)```/.exec(new TextDecoder().decode(read('web/README.md')));
  const printed = execFileSync(process.execPath, ['--input-type=module'], {
    cwd: join(root, 'web/dist'), input: example, encoding: 'utf8',
  });
  assert.match(printed, /^\[ 1, 1, 64 \] \{ type: 'u8', bits: 5 \}\n\d\n$/);
});
