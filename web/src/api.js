// The package's functions, for any way of reading the files of the builds.

import { bestBuild, compiler } from './builds.js';
import { OpenModel } from './model.js';

/** @param {(url: URL) => Promise<BufferSource>} read */
export function api(read) {
  const compile = compiler(read);

  async function instantiate(build) {
    return WebAssembly.instantiate(await compile(build));
  }

  class Model extends OpenModel {
    static async open(file, { build = bestBuild() } = {}) {
      return new Model(await instantiate(build), file, build);
    }
  }

  /** The exports of a new instance, as C sees them. */
  const load = async (build) => (await instantiate(build)).exports;

  return { Model, compile, load };
}
