// What the page shows of a run.

const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const digits = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(2));

/** The most scores that are shown. */
const MOST_SCORES = 20;

export function showScores(scores, label) {
  const best = scores.indexOf(Math.max(...scores));
  const answer = $('answer');
  // Screen readers speak what changes, and nothing else.
  if (answer.textContent !== label(best)) answer.textContent = label(best);
  const shown = scores.length <= MOST_SCORES ? scores.map((_, i) => i) : highest(scores);
  const low = Math.min(...shown.map((i) => scores[i]));
  const range = scores[best] - low || 1;
  const list = $('scores');
  while (list.children.length > shown.length) list.lastChild.remove();
  while (list.children.length < shown.length) list.append(scoreRow());
  shown.forEach((i, row) => {
    const item = list.children[row];
    const [name, bar, score] = item.children;
    item.classList.toggle('best', i === best);
    name.textContent = label(i);
    bar.firstChild.style.setProperty('--part', (scores[i] - low) / range);
    score.textContent = digits(scores[i]);
  });
}

const highest = (scores) =>
  scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]).slice(0, MOST_SCORES);

function scoreRow() {
  const item = document.createElement('li');
  const [name, bar, score] = ['', 'bar', 'score'].map((className) => {
    const span = document.createElement('span');
    span.className = className;
    return span;
  });
  bar.append(document.createElement('span'));
  item.append(name, bar, score);
  return item;
}

export function clearScores() {
  $('answer').textContent = '';
  $('scores').replaceChildren();
}

/** What the network sees, in shades of the ink, or in its colours. */
export function showInput(pixels, { width, height, channels, max }) {
  const canvas = $('input');
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext('2d');
  for (let i = 0; i < width * height; i += 1) {
    const part = (c) => pixels[i * channels + c] / max;
    context.fillStyle = channels === 3
      ? `rgb(${[0, 1, 2].map((c) => 255 * part(c)).join(' ')})`
      : `color-mix(in srgb, ${colour('--ink')} ${100 * part(0)}%, ${colour('--paper')})`;
    context.fillRect(i % width, Math.floor(i / width), 1, 1);
  }
  $('input-caption').textContent = `${width} × ${height} pixels, 0 to ${max}`;
}

/** The bits of the first layer: a grid of neurons, or a small image for each channel. */
export function showBits(bits, [height, width, channels]) {
  const canvas = $('bits');
  const columns = Math.ceil(Math.sqrt((channels * 2 * height) / width));
  const gap = height * width === 1 ? 0 : 1;
  canvas.width = columns * (width + gap) - gap;
  canvas.height = Math.ceil(channels / columns) * (height + gap) - gap;
  const context = canvas.getContext('2d');
  const colours = [colour('--line'), colour('--accent')];
  let ones = 0;
  for (let i = 0; i < bits.length; i += 1) {
    const isOne = bits[i] > 0;
    ones += isOne ? 1 : 0;
    const [pixel, c] = [Math.floor(i / channels), i % channels];
    const x = (c % columns) * (width + gap) + (pixel % width);
    const y = Math.floor(c / columns) * (height + gap) + Math.floor(pixel / width);
    context.fillStyle = colours[isOne ? 1 : 0];
    context.fillRect(x, y, 1, 1);
  }
  const text = `${bits.length.toLocaleString('en')} bits of the first layer, ${ones.toLocaleString('en')} are +1`;
  $('bits-caption').textContent = text;
  canvas.setAttribute('aria-label', text);
}

const time = (ms) => (ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : `${ms.toFixed(2)} ms`);

/** Times per image in milliseconds; `f32` is `undefined` where there is no such network. */
export function showTimes(bits, f32) {
  const most = Math.max(bits, f32 ?? 0);
  const show = (name, ms) => {
    $(`time-${name}`).textContent = ms === undefined ? '–' : time(ms);
    $(`bar-${name}`).style.setProperty('--part', ms === undefined ? 0 : ms / most);
  };
  show('bits', bits);
  show('f32', f32);
}

export function showComparison(text) {
  $('comparison').textContent = text;
}

export function showModel({ name, model }) {
  const weights = model.layers.map(({ outputShape }) => outputShape[2]).join(', ');
  const layers = model.layers.length === 0 ? 'a graph' : `layers of ${weights} outputs`;
  const bytes = model.fileBytes.toLocaleString('en');
  $('model').textContent = `${name}: ${bytes} bytes, ${layers}. WebAssembly build: ${model.build}.`;
}

export function showError(text) {
  $('error').textContent = text;
}

export function showResults(results) {
  $('results').replaceChildren(
    ...results.map(({ name, answer }) => {
      const item = document.createElement('li');
      for (const text of [name, answer]) {
        const span = document.createElement('span');
        span.textContent = text;
        item.append(span);
      }
      return item;
    }),
  );
}
