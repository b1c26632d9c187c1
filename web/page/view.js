// What the page shows of a run.

const $ = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const digits = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(2));

/** The most scores that are shown. */
const MOST_SCORES = 20;

export function showScores(scores, best, label) {
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

/** Nothing of a network that is no longer there: pictures, times, comparison. */
export function clearInside() {
  clearPicture('input', 'What the network sees');
  clearBits();
  for (const name of ['bits', 'f32']) {
    $(`time-${name}`).textContent = '';
    $(`bar-${name}`).style.setProperty('--part', 0);
  }
  showComparison('');
}

export const clearBits = () => clearPicture('bits', 'Bits of the first layer');

function clearPicture(id, label) {
  [$(id).width, $(id).height] = [1, 1];
  $(id).setAttribute('aria-label', label);
  $(`${id}-caption`).textContent = '';
}

/** Red, green and blue of a named colour, from 0 to 255. */
const rgb = (name) => colour(name).match(/[\d.]+/g).slice(0, 3).map(Number);

/** What the network sees, in shades of the ink, or in its colours. */
export function showInput(pixels, { width, height, channels, max }) {
  const canvas = $('input');
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  const [ink, paper] = [rgb('--ink'), rgb('--paper')];
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 3; c += 1) {
      const part = pixels[i * channels + (channels === 3 ? c : 0)] / max;
      image.data[4 * i + c] = channels === 3 ? 255 * part : ink[c] * part + paper[c] * (1 - part);
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
  $('input-caption').textContent = `${width} × ${height} pixels, 0 to ${max}`;
}

/** More bits are counted, and not painted. */
const MOST_BITS = 2 ** 20;

/** The bits of the first layer: a grid of neurons, or a small image for each channel. */
export function showBits(bits, [height, width, channels]) {
  const canvas = $('bits');
  const ones = bits.reduce((count, bit) => count + (bit > 0 ? 1 : 0), 0);
  const text = `${bits.length.toLocaleString('en')} bits of the first layer, ${ones.toLocaleString('en')} are +1`;
  clearBits();
  $('bits-caption').textContent = text;
  canvas.setAttribute('aria-label', text);
  if (bits.length > MOST_BITS) return;

  const columns = Math.ceil(Math.sqrt((channels * 2 * height) / width));
  const gap = height * width === 1 ? 0 : 1;
  canvas.width = columns * (width + gap) - gap;
  canvas.height = Math.ceil(channels / columns) * (height + gap) - gap;
  const image = new ImageData(canvas.width, canvas.height);
  const colours = ['--line', '--accent'].map((name) => [...rgb(name), 255]);
  for (let i = 0; i < bits.length; i += 1) {
    const [pixel, c] = [Math.floor(i / channels), i % channels];
    const x = (c % columns) * (width + gap) + (pixel % width);
    const y = Math.floor(c / columns) * (height + gap) + Math.floor(pixel / width);
    image.data.set(colours[bits[i] > 0 ? 1 : 0], 4 * (y * canvas.width + x));
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
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

export function showModel({ name, model, description, image }) {
  const bytes = model.fileBytes.toLocaleString('en');
  $('model').textContent = `${name}: ${bytes} bytes, ${description}. WebAssembly build: ${model.build}.`;
  const other = image === undefined ? 'no images either' : 'but images in colour';
  $('takes').textContent = image?.channels === 1 ? '' : `This model takes no drawings, ${other}.`;
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
