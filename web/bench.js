// Times of a run of a model file in Node.js: both builds, and the page's network in f32. Each run
// is timed by itself and the fastest counts, so that what else the machine does is left out.
// usage: node web/bench.js [FILE.bnn]

import { readFileSync } from 'node:fs';

import { Model } from './src/node.js';
import { Twin, withoutTwin } from './page/twin.js';

const RUNS = 5000;

const read = (name) => readFileSync(new URL(name, import.meta.url));
const path = process.argv[2] ?? new URL('dist/digits.bnn', import.meta.url);

function microseconds(run) {
  let best = Infinity;
  for (let i = 0; i < RUNS; i += 1) {
    const begin = performance.now();
    run();
    best = Math.min(best, performance.now() - begin);
  }
  return best * 1000;
}

const file = readFileSync(path);
const model = await Model.open(file);
const elements = model.inputShape.reduce((a, b) => a * b, 1);
const most = 2 ** model.input.bits - 1;
const input = Uint8Array.from({ length: elements }, (_, i) => (i * 7) % (most + 1));

const times = {};
for (const build of ['simd128', 'plain']) {
  const model = await Model.open(file, { build });
  times[build] = microseconds(() => model.run(input));
}
const reason = withoutTwin(model);
if (reason === undefined) {
  const twin = new Twin(await WebAssembly.compile(read('dist/f32.wasm')), model);
  times['f32, simd128'] = microseconds(() => twin.run(input));
} else {
  console.log(`nothing in f32 beside it: ${reason}`);
}
for (const [name, time] of Object.entries(times)) console.log(`${name}: ${time.toFixed(2)} us`);
