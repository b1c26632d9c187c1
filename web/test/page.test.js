// What the page computes beside the package: drawings as pixels, and networks in f32.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Model } from 'bnn-engine';

import { pixelsOf } from '../page/drawing.js';
import { Network, bestOf, imageOf, timesOf } from '../page/network.js';
import { Twin, withoutTwin } from '../page/twin.js';
import { DRAWINGS } from './drawings.js';
import { DIGITS, MODELS, read } from './support.js';

const twins = WebAssembly.compile(read('web/dist/f32.wasm'));
const IMAGE = { width: 8, height: 8, max: 16 };

test('every digit that is drawn by hand is recognised, wherever and however large', async () => {
  const model = await Model.open(read(DIGITS));
  for (const [digit, strokes] of DRAWINGS.entries()) {
    for (const [scale, shift] of [[1, 0], [0.3, 90], [2.5, -40]]) {
      const moved = strokes.map((stroke) => stroke.map(([x, y]) => ({ x: x * scale + shift, y: y * scale + shift })));
      const scores = Array.from(model.run(pixelsOf(moved, IMAGE)));
      assert.equal(scores.indexOf(Math.max(...scores)), digit, `${digit} at ${scale}: ${scores.map((s) => s.toFixed(1))}`);
    }
  }
});

test('drawings fill the image, and have the ink of the training data', () => {
  for (const strokes of DRAWINGS) {
    const pixels = pixelsOf(strokes.map((stroke) => stroke.map(([x, y]) => ({ x, y }))), IMAGE);
    const ink = pixels.reduce((a, b) => a + b);
    assert.ok(ink > 150 && ink < 450, `${ink}`);
    assert.ok(pixels.subarray(0, 8).some((v) => v > 0) && pixels.subarray(56).some((v) => v > 0));
  }
  const dot = pixelsOf([[{ x: 5, y: 5 }]], IMAGE);
  assert.ok(dot[27] > 0 && dot[27] === dot[36] && dot[0] === 0);
  assert.deepEqual(pixelsOf([], IMAGE), new Uint8Array(64));
});

test('the network in f32 has the scores of the file, of dense layers and of convolutions', async () => {
  const inputs = read(`${MODELS}/digits.inputs`);
  for (const path of [DIGITS, ...['digits', 'digits-bits', 'digits-int', 'cnn'].map((name) => `${MODELS}/${name}.bnn`)]) {
    const model = await Model.open(read(path));
    const twin = new Twin(await twins, model);
    for (let i = 0; i < 100; i += 1) {
      const input = inputs.subarray(64 * i, 64 * i + 64);
      assert.deepEqual(Array.from(twin.run(input)), Array.from(model.run(input)), `${path}, sample ${i}`);
    }
    assert.ok(twin.first.every((x) => x === 1 || x === -1));
  }
  const fashion = await Model.open(read(`${MODELS}/fashion.bnn`));
  const twin = new Twin(await twins, fashion);
  for (let seed = 1; seed < 5; seed += 1) {
    const image = Uint8Array.from({ length: 784 }, (_, i) => (i * i * seed * 31 + i * 7) % 256);
    assert.deepEqual(Array.from(twin.run(image)), Array.from(fashion.run(image)));
  }
  assert.equal(withoutTwin(fashion), undefined);
  assert.match(withoutTwin(await Model.open(read(`${MODELS}/resnet.bnn`))), /graph/);
});

test('a file may note any image, the page makes those that it can', () => {
  const image = (inputShape, notes = {}, bits = 5) =>
    imageOf({ input: { type: 'u8', bits }, inputShape, meta: new Map(Object.entries(notes)) });
  const digits = { height: '8', width: '8' };
  assert.deepEqual(image([1, 1, 64], digits), { height: 8, width: 8, channels: 1, max: 31 });
  assert.equal(image([1, 1, 64], { ...digits, max: '16' }).max, 16);
  for (const max of ['0', '-1', '0.5', '32', 'NaN', 'x', '']) {
    assert.equal(image([1, 1, 64], { ...digits, max }).max, 31, max);
  }
  assert.equal(image([1024, 1024, 3]).channels, 3);
  for (const shape of [[1025, 8, 1], [8, 1025, 1], [8, 8, 2]]) assert.equal(image(shape), undefined);
  for (const [height, width] of [['0', '0'], ['-8', '-8'], ['0.5', '128'], ['x', '8'], ['1', '']]) {
    assert.equal(image([1, 1, 64], { height, width }), undefined, `${height} ${width}`);
  }
  assert.equal(image([1, 1, 64]), undefined);
});

test('slow functions are timed by few runs, fast ones by many', () => {
  let [slow, fast] = [0, 0];
  const wait = () => {
    slow += 1;
    const end = performance.now() + 250;
    while (performance.now() < end);
  };
  const times = timesOf([wait, () => (fast += 1)]);
  assert.ok(slow <= 3, `${slow}`);
  assert.ok(times[0] >= 250 && times[1] < 1 && fast > 100, `${times}`);
});

test('a network whose runs are slow, on bits or in f32, keeps no twin', () => {
  const lasting = (ms) => () => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    return [1, 2];
  };
  const network = (bits, f32) => Object.assign(new Network(), {
    model: { output: { type: 'f32' }, run: lasting(bits) },
    twin: { first: [1, -1], run: lasting(f32) },
  });
  const [fast, slow, slowTwin] = [network(0, 0), network(210, 0), network(0, 210)];
  for (const each of [fast, slow, slowTwin]) {
    assert.deepEqual(each.scores([]), [1, 2]);
    each.first([]);
  }
  assert.deepEqual(fast.first([]), [1, -1]);
  for (const each of [slow, slowTwin]) {
    assert.equal(each.first([]), undefined);
    assert.match(each.withoutTwin, /too long/);
  }
});

test('the greatest of more scores than a call has arguments is found', () => {
  const scores = Array.from({ length: 400_000 }, (_, i) => -i);
  scores[300_000] = 1;
  assert.equal(bestOf(scores), 300_000);
  assert.equal(bestOf([2, 2, 1]), 0);
});

test('a layer that would fill the memory has no twin', () => {
  const layer = { kind: 'conv2d', groups: 1, kernel: [3, 3], outputShape: [1024, 1024, 8], weightsPerOutput: 72 };
  assert.match(withoutTwin({ layers: [layer], input: { type: 'u8' } }), /too large/);
});
