// What the page computes beside the package: drawings as pixels, and networks in f32.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Model } from 'bnn-engine';

import { pixelsOf } from '../page/drawing.js';
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
