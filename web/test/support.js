// What the tests share: files, and what the command `bnn` says of them.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const read = (path) => new Uint8Array(readFileSync(join(root, path)));

export const DIGITS = 'web/dist/digits.bnn';
export const MODELS = 'firmware/models';
export const BUILDS = ['simd128', 'plain'];

/** The command `bnn`, if the variable BNN names it; ci/web.sh sees to that. */
const bnn = process.env.BNN;
export const withoutBnn = bnn ? false : 'the variable BNN names no command `bnn`';

/** The 360 test digits, and the scores that `bnn predict` prints of them. */
export function predicted() {
  const folder = mkdtempSync(join(tmpdir(), 'bnn-web-'));
  try {
    const model = join(root, DIGITS);
    const run = (...args) => execFileSync(bnn, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    const name = join(folder, 'digits');
    run('test-vectors', model, '--data', 'digits', '--count', '360', '--out', name);
    const inputs = new Uint8Array(readFileSync(`${name}.inputs`));
    const samples = Array.from({ length: inputs.length / 64 }, (_, i) => inputs.slice(64 * i, 64 * i + 64));
    const table = join(folder, 'digits.csv');
    writeFileSync(table, samples.map((sample) => `${sample.join(',')}\n`).join(''));
    const lines = run('predict', model, table, '--json').trim().split('\n');
    return { samples, scores: lines.map((line) => JSON.parse(line).scores) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
