// The page: drawings and files in, answers out.

import { pixelsOf } from './drawing.js';
import { Network, bestOf, openExample, timesOf } from './network.js';
import { Pad } from './pad.js';
import { pixelsOfFile } from './images.js';
import * as view from './view.js';

/** A drawing to begin with: a three. */
const EXAMPLE = [
  [[88, 78], [110, 56], [142, 50], [170, 62], [182, 88], [172, 116], [140, 132], [172, 146],
    [190, 176], [180, 208], [148, 230], [112, 228], [84, 204]].map(([x, y]) => ({ x, y })),
];

/** How long the hand rests before times are taken, which it would feel. */
const REST_MS = 250;

let network;
let input;
let isDue = false;
let rest;

const pad = new Pad(document.getElementById('drawing'), {
  changed() {
    // At most one run for each frame that is shown.
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      runDrawing();
    });
  },
  ended: () => compareSoon(),
});

function runDrawing() {
  if (network === undefined) return;
  if (network.image?.channels !== 1) return;
  if (pad.strokes.length === 0) {
    input = undefined;
    view.clearScores();
    view.clearInside();
    return;
  }
  run(pixelsOf(pad.strokes, network.image));
}

function run(pixels) {
  input = pixels;
  const scores = network.scores(pixels);
  view.showScores(scores, bestOf(scores), network.label);
  showInside();
  return scores;
}

function showInside() {
  if (input === undefined) return;
  view.showInput(input, network.image);
  const bits = network.first(input);
  if (bits === undefined) view.clearBits();
  else view.showBits(bits, network.firstShape);
}

function compareSoon() {
  clearTimeout(rest);
  rest = setTimeout(compare, REST_MS);
}

/** Takes times, and compares the scores of bits with those in f32. */
function compare() {
  if (input === undefined) return;
  const { model, twin } = network;
  const pixels = input;
  const functions = [() => model.run(pixels), ...(twin === undefined ? [] : [() => twin.run(pixels)])];
  const [bits, f32] = timesOf(functions);
  view.showTimes(bits, f32);
  if (twin === undefined) {
    view.showComparison(`No network in f32 beside it: ${network.withoutTwin}.`);
    return;
  }
  const [ours, theirs] = [model.run(pixels), twin.run(pixels)];
  const differences = ours.reduce((count, score, i) => count + (score === theirs[i] ? 0 : 1), 0);
  const ratio = (f32 / bits).toFixed(1);
  view.showComparison(
    `The same network in f32, with WebAssembly's 128-bit vectors, takes ${ratio} times as long; ` +
      `${differences} of ${ours.length} scores differ.`,
  );
}

function show(opened) {
  network?.free();
  network = opened;
  input = undefined;
  view.clearScores();
  view.clearInside();
  view.showModel(network);
  runDrawing();
  compareSoon();
}

/** What is to be opened, one after the other: the example, then files as they come. */
let queue = Promise.resolve();

function enqueue(action) {
  queue = queue.then(action).catch((error) => {
    view.showError(error.message);
    reportError(error);
  });
  return queue;
}

async function openFiles(files) {
  if (files.length === 0) return;
  const isModel = ({ name }) => name.toLowerCase().endsWith('.bnn');
  const models = files.filter(isModel);
  const images = files.filter((file) => !isModel(file));
  view.showError('');
  view.showResults([]);
  const wrong = [];
  const attempt = async (file, action) => {
    try {
      return await action();
    } catch (error) {
      wrong.push(`${file.name}: ${error.message}`);
      return undefined;
    }
  };
  for (const file of models) {
    await attempt(file, async () => show(await Network.open(await file.arrayBuffer(), file.name)));
  }
  const results = [];
  const isInverted = document.getElementById('invert').checked;
  for (const file of images) {
    await attempt(file, async () => {
      if (network?.image === undefined) throw new Error('the model takes no images');
      const pixels = await pixelsOfFile(file, network.image, isInverted);
      const scores = run(pixels);
      results.push({ name: file.name, answer: network.label(bestOf(scores)) });
      compareSoon();
    });
  }
  view.showResults(results);
  view.showError(wrong.join('\n'));
}

document.getElementById('clear').addEventListener('click', () => pad.clear());
document.getElementById('files').addEventListener('change', ({ target }) => {
  const files = [...target.files];
  enqueue(() => openFiles(files));
  // The same file may be opened again.
  target.value = '';
});
for (const type of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(type, (event) => {
    // Text that is dragged is none of the page's business.
    const hasFiles = event.dataTransfer?.types.includes('Files') ?? false;
    if (hasFiles) event.preventDefault();
    document.body.classList.toggle('dropping', hasFiles && type === 'dragover');
  });
}
document.addEventListener('drop', ({ dataTransfer }) => {
  const files = [...(dataTransfer?.files ?? [])];
  enqueue(() => openFiles(files));
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  pad.draw();
  showInside();
});

enqueue(async () => {
  try {
    show(await openExample());
  } catch (error) {
    throw new Error(`The page cannot start: ${error.message}`, { cause: error });
  }
  // A hand may have been faster.
  if (pad.strokes.length === 0) pad.example(EXAMPLE);
  runDrawing();
  // For whoever measures: milliseconds from the navigation to the first answer.
  document.body.dataset.firstAnswer = performance.now().toFixed(0);
});
