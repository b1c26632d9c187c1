// A model file with all that the page shows of it: what it takes, its twin in f32, and times.

import { Model, compile, hasSimd128 } from '../src/index.js';
import { Twin, withoutTwin } from './twin.js';

const bytesOf = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
};

const inDist = (name) => new URL(`../dist/${name}`, import.meta.url);

/** The page's own network. What it needs is fetched and compiled at the same time. */
export async function openExample() {
  const [file] = await Promise.all([bytesOf(inDist('digits.bnn')), compile(), compileTwin()]);
  return Network.open(file, 'digits.bnn');
}

let twinModule;
/** The module of f32.rs; `undefined` in engines without vectors, which it has. */
function compileTwin() {
  if (twinModule === undefined) {
    twinModule = hasSimd128() ? bytesOf(inDist('f32.wasm')).then(WebAssembly.compile) : Promise.resolve();
    // What could not be read may be there the next time.
    twinModule.catch(() => (twinModule = undefined));
  }
  return twinModule;
}

/** A run that takes longer is not repeated, and has no network in f32 beside it. */
const SLOW_MS = 200;

export class Network {
  /** @param {ArrayBuffer} file a `.bnn` file; throws as `Model.open` */
  static async open(file, name) {
    const network = new Network();
    network.name = name;
    network.model = await Model.open(file);
    network.image = imageOf(network.model);
    const twin = await compileTwin();
    network.withoutTwin =
      twin === undefined ? 'an engine without vectors' : withoutTwin(network.model);
    if (network.withoutTwin === undefined) {
      try {
        network.twin = new Twin(twin, network.model);
      } catch {
        network.#dropTwin('a network that is too large');
      }
    }
    // Layers are copies with all their weights: the page asks once.
    const { layers } = network.model;
    network.firstShape = layers[0]?.outputShape;
    network.description =
      layers.length === 0
        ? 'a graph'
        : `layers of ${layers.map(({ outputShape }) => outputShape[2]).join(', ')} outputs`;
    return network;
  }

  /** Why there is no twin from now on. */
  #dropTwin(reason) {
    this.twin = undefined;
    this.withoutTwin = reason;
  }

  /** What class `i` is called. */
  label = (i) => this.model.labels?.[i] ?? String(i);

  /** Scores as numbers; bits are 0 and 1. */
  scores(input) {
    const output = this.#watched(() => this.model.run(input));
    if (this.model.output.type !== 'bits') return Array.from(output);
    const perPixel = Math.ceil(this.model.outputShape[2] / 64);
    const count = this.model.outputShape.reduce((a, b) => a * b, 1);
    return Array.from({ length: count }, (_, i) => {
      const [pixel, c] = [Math.floor(i / this.model.outputShape[2]), i % this.model.outputShape[2]];
      return Number((output[pixel * perPixel + (c >> 6)] >> BigInt(c & 63)) & 1n);
    });
  }

  /** What the first layer gives in f32: numbers, of which -1 and +1 are bits. */
  first(input) {
    if (this.twin === undefined) return undefined;
    const { twin } = this;
    this.#watched(() => twin.run(input));
    return twin.first;
  }

  /** Runs, and sees to it that a slow network has no twin, so that the page answers. */
  #watched(run) {
    let output;
    const once = () => {
      output = run();
    };
    // Twice, for the first time something else may have had the processor.
    if (this.twin === undefined) once();
    else if (timed(once, 1) > SLOW_MS && timed(once, 1) > SLOW_MS) this.#dropTwin('a run takes too long');
    return output;
  }

  free() {
    this.model.free();
  }
}

/** The longest side of an image that the page makes. */
const MOST_SIDE = 1024;

/** The images that a model takes: `undefined` if it takes none that the page can make. */
export function imageOf(model) {
  if (model.input.type !== 'u8') return undefined;
  const noted = (key, otherwise) => Number(model.meta.get(key) ?? otherwise);
  let [height, width, channels] = model.inputShape;
  if (height === 1 && width === 1) {
    const elements = channels;
    [height, width, channels] = [noted('height', 0), noted('width', 0), noted('channels', 1)];
    if (height * width * channels !== elements) return undefined;
  }
  if (channels !== 1 && channels !== 3) return undefined;
  const isIn = (value, most) => Number.isInteger(value) && value >= 1 && value <= most;
  if (!isIn(height, MOST_SIDE) || !isIn(width, MOST_SIDE)) return undefined;
  const most = 2 ** model.input.bits - 1;
  const max = noted('max', most);
  return { height, width, channels, max: isIn(max, most) ? max : most };
}

/** Least time of a batch of runs: browsers round their clocks to a tenth of a millisecond. */
const BATCH_MS = 2;
const BATCHES = 12;

/**
 * Milliseconds that each of the functions takes, the best of several batches, taken in turns; of
 * one, of slow functions.
 */
export function timesOf(functions) {
  const counts = functions.map(runsOfBatch);
  const best = functions.map(() => Infinity);
  const isOver = untilSlow();
  for (let batch = 0; batch < BATCHES && (batch === 0 || !isOver()); batch += 1) {
    functions.forEach((run, i) => {
      best[i] = Math.min(best[i], timed(run, counts[i]) / counts[i]);
    });
  }
  return best;
}

/** Runs that take at least `BATCH_MS`, also where nothing interrupts them. */
function runsOfBatch(run) {
  let count = 1;
  const isOver = untilSlow();
  while (!isOver() && Math.min(timed(run, count), timed(run, count)) < BATCH_MS) count *= 2;
  return count;
}

/** Tells when `SLOW_MS` are over. */
function untilSlow() {
  const end = performance.now() + SLOW_MS;
  return () => performance.now() > end;
}

function timed(run, count) {
  const begin = performance.now();
  for (let i = 0; i < count; i += 1) run();
  return performance.now() - begin;
}

/** The place of the greatest score. (Arguments of a call are too few for some outputs.) */
export function bestOf(scores) {
  return scores.reduce((best, score, i) => (score > scores[best] ? i : best), 0);
}
