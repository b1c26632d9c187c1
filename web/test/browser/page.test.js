// The page in Debian's Chromium, as a visitor uses it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { DRAWINGS } from '../drawings.js';
import { MODELS, DIGITS, predicted, read, withoutBnn } from '../support.js';
import { serve } from './server.js';

const CHROMIUM = process.env.BNN_CHROMIUM ?? '/usr/bin/chromium';

/** Why there is nothing to test with; a broken promise where BNN_REQUIRE promises it. */
function missing() {
  if (existsSync(CHROMIUM)) return false;
  const promised = (process.env.BNN_REQUIRE ?? '').split(',').includes('chromium');
  assert.ok(!promised, `BNN_REQUIRE promises chromium, there is no ${CHROMIUM}`);
  return `there is no ${CHROMIUM}`;
}
const skip = missing();

let server;
let browser;
/** Requests that left this machine. */
const external = [];
/** Milliseconds to the first answer of every visit, each with an empty cache. */
const firstAnswers = [];

before(async () => {
  if (skip) return;
  const { chromium } = await import('playwright-core');
  server = await serve();
  // In containers Chromium has no sandbox of its own.
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/**
 * A new visitor, whose page has given its first answer, after `prepare` if there is one. Errors of
 * the page are the test's.
 */
async function visit(t, options = {}, prepare = undefined) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !/^(data|blob):/.test(url)) external.push(url);
  });
  t.after(() => assert.deepEqual(errors, []));
  await prepare?.(page);
  await page.goto(server.url);
  const body = page.locator('body[data-first-answer]');
  firstAnswers.push(Number(await body.getAttribute('data-first-answer')));
  if (prepare === undefined) assert.equal(await answer(page), '3', 'the example is read');
  return page;
}

const answer = (page) => page.locator('#answer').textContent();

/**
 * Waits for an answer that `accepts`: it is there in the next frame. (Playwright's own waiting for
 * functions evaluates text, which the page forbids.)
 */
async function answered(page, accepts) {
  const end = Date.now() + 20_000;
  for (;;) {
    const text = await answer(page);
    if (accepts(text)) return;
    assert.ok(Date.now() < end, `the answer is still "${text}"`);
    await page.waitForTimeout(20);
  }
}

/** Accepts this text alone. */
const is = (expected) => (text) => text === expected;

/** Draws strokes with the mouse. */
async function draw(page, strokes) {
  const box = await page.locator('#drawing').boundingBox();
  const at = ([x, y]) => [box.x + (x * box.width) / 280, box.y + (y * box.height) / 280];
  for (const [first, ...rest] of strokes) {
    await page.mouse.move(...at(first));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...at(point));
    await page.mouse.up();
  }
}

/** Drops files on the page. */
async function drop(page, files) {
  const transfer = await page.evaluateHandle((files) => {
    const data = new DataTransfer();
    for (const { name, bytes } of files) data.items.add(new File([new Uint8Array(bytes)], name));
    return data;
  }, files.map(({ name, bytes }) => ({ name, bytes: Array.from(bytes) })));
  await page.locator('main').dispatchEvent('drop', { dataTransfer: transfer });
}

test('digits that a mouse draws are read while they are drawn', { skip }, async (t) => {
  const page = await visit(t);
  for (const [digit, strokes] of DRAWINGS.entries()) {
    await page.getByRole('button', { name: 'Clear' }).click();
    await draw(page, strokes);
    await answered(page, is(String(digit)));
  }
  assert.equal(await page.locator('#scores li').count(), 10);
  await page.getByText('0 of 10 scores differ').waitFor();
  assert.match(await page.locator('#comparison').textContent(), /takes [\d.]+ times as long/);
  assert.match(await page.locator('#bits').getAttribute('aria-label'), /^512 bits of the first layer, \d+ are \+1$/);
  console.log(`${(await page.locator('#times').innerText()).replace(/\s+/g, ' ')}; ${await page.locator('#comparison').textContent()}`);
});

test('a damaged file is told by its name and what is wrong, and the page goes on', { skip }, async (t) => {
  const page = await visit(t);
  const bytes = read(`${MODELS}/digits.bnn`);
  bytes[1000] ^= 1;
  await drop(page, [{ name: 'broken.bnn', bytes }]);
  const alert = page.getByRole('alert');
  await alert.filter({ hasText: 'broken.bnn' }).waitFor();
  assert.match(await alert.textContent(), /broken\.bnn: .*checksum/);
  await page.getByRole('button', { name: 'Clear' }).click();
  await draw(page, DRAWINGS[7]);
  await answered(page, is('7'));
});

test('another model and images are dropped, and what is no image is told', { skip }, async (t) => {
  const page = await visit(t);
  await drop(page, [{ name: 'fashion.bnn', bytes: read(`${MODELS}/fashion.bnn`) }]);
  await page.getByText('fashion.bnn: 16,555 bytes').waitFor();
  // A picture as a browser writes it.
  const png = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(56, 56);
    const context = canvas.getContext('2d');
    context.fillStyle = 'white';
    context.fillRect(14, 4, 28, 48);
    return Array.from(new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer()));
  });
  await drop(page, [{ name: 'shirt.png', bytes: png }, { name: 'note.txt', bytes: [104, 105] }]);
  await page.locator('#results li').waitFor();
  assert.match(await page.locator('#results').textContent(), /^shirt\.png\d$/);
  assert.match(await page.getByRole('alert').textContent(), /^note\.txt: /);
  await page.getByText('0 of 10 scores differ').waitFor();
  await drop(page, [{ name: 'resnet.bnn', bytes: read(`${MODELS}/resnet.bnn`) }]);
  await page.getByText('No network in f32 beside it').waitFor();
  assert.equal(await page.locator('#bits-caption').textContent(), '', 'of the network before');
  assert.equal(await page.locator('#time-f32').textContent(), '–');
  // It takes numbers that are no image: nothing of the network before stays.
  await drop(page, [{ name: 'nine.bnn', bytes: read(`${MODELS}/nine.bnn`) }]);
  await page.getByText('This model takes no drawings').waitFor();
  for (const id of ['answer', 'input-caption', 'bits-caption', 'time-bits', 'comparison']) {
    assert.equal(await page.locator(`#${id}`).textContent(), '', id);
  }
});

test('drops follow each other, also while the example loads, and those without files change nothing', { skip }, async (t) => {
  const page = await visit(t, {}, async (page) => {
    await page.route('**/digits.bnn', async (route) => {
      await drop(page, [{ name: 'cnn.bnn', bytes: read(`${MODELS}/cnn.bnn`) }]);
      await drop(page, [{ name: 'broken.bnn', bytes: [1, 2, 3] }]);
      await drop(page, []);
      await route.continue();
    });
  });
  await page.getByText('cnn.bnn: ').waitFor();
  await page.getByRole('alert').filter({ hasText: 'broken.bnn' }).waitFor();
  await page.waitForTimeout(300);
  assert.match(await page.locator('#model').textContent(), /^cnn\.bnn: /);
  assert.match(await page.getByRole('alert').textContent(), /broken/);
});

test('files that are dragged over the page are announced, text is not', { skip }, async (t) => {
  const page = await visit(t);
  const dragged = (isFile) => page.evaluate((isFile) => {
    const dataTransfer = new DataTransfer();
    if (isFile) dataTransfer.items.add(new File([], 'a.bnn'));
    else dataTransfer.setData('text/plain', 'text');
    const event = new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer });
    document.body.dispatchEvent(event);
    return [event.defaultPrevented, document.body.classList.contains('dropping')];
  }, isFile);
  assert.deepEqual(await dragged(false), [false, false]);
  assert.deepEqual(await dragged(true), [true, true]);
});

test('in the browser, the 360 test digits have the scores of `bnn predict`', { skip: skip || withoutBnn }, async (t) => {
  const page = await visit(t);
  const { samples, scores } = predicted();
  const found = await page.evaluate(async ({ file, samples }) => {
    const { Model, hasSimd128 } = await import('./src/index.js');
    if (!hasSimd128()) throw new Error('no vectors');
    const model = await Model.open(new Uint8Array(file));
    return samples.map((sample) => Array.from(model.run(sample)));
  }, { file: Array.from(read(DIGITS)), samples: samples.map((sample) => Array.from(sample)) });
  assert.equal(found.length, 360);
  assert.deepEqual(found, scores);
});

test('keys draw, clear and reach everything', { skip }, async (t) => {
  const page = await visit(t);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'drawing');
  await page.keyboard.press('Delete');
  await answered(page, is(''));
  // Down and up again is a one.
  for (let i = 0; i < 9; i += 1) await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Space');
  for (let i = 0; i < 18; i += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await answered(page, (text) => text !== '');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'clear');
  await page.keyboard.press('Enter');
  await answered(page, is(''));
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'files');
});

test('phones and both schemes have the whole page, with contrast', { skip }, async (t) => {
  for (const colorScheme of ['light', 'dark']) {
    const page = await visit(t, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, colorScheme });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    const contrasts = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      const luminance = (name) => {
        const rgb = style.getPropertyValue(name).match(/[\d.]+/g).slice(0, 3).map((v) => v / 255);
        const [r, g, b] = rgb.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      return ['--paper', '--panel'].flatMap((below) => ['--ink', '--quiet', '--accent', '--wrong'].map((name) => {
        const [high, low] = [luminance(below), luminance(name)].sort((a, b) => b - a);
        return (high + 0.05) / (low + 0.05);
      }));
    });
    assert.ok(contrasts.every((contrast) => contrast >= 4.5), `${colorScheme}: ${contrasts}`);
    // A second finger draws nothing, which the example would give way to.
    await page.locator('#drawing').dispatchEvent('pointerdown', { pointerId: 7, isPrimary: false, button: 0 });
    await page.waitForTimeout(100);
    assert.equal(await answer(page), '3');
    await page.locator('#drawing').tap();
    await answered(page, (text) => text !== '3');
  }
});

test('nothing is fetched from elsewhere', { skip }, () => {
  assert.deepEqual(external, []);
});

test('the first answer is there soon after a cold load', { skip }, () => {
  console.log(`first answers after ${firstAnswers.join(', ')} ms`);
  // Half a second on a quiet machine; here other programs run beside it.
  assert.ok(Math.min(...firstAnswers) < 3000, `${firstAnswers}`);
});
