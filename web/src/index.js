// Browsers, and all else that fetches.

import { api } from './api.js';

export { bestBuild, hasSimd128 } from './builds.js';
export { BnnError, ModelError } from './errors.js';

async function read(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

export const { Model, compile, load } = api(read);
