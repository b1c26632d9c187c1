// Node.js, whose fetch does not read files.

import { readFile } from 'node:fs/promises';

import { api } from './api.js';

export { bestBuild, hasSimd128 } from './builds.js';
export { BnnError, ModelError } from './errors.js';

export const { Model, compile, load } = api(readFile);
