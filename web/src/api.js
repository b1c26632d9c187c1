// The package's functions, for any way of reading the files of the builds.

import { bestBuild, compiler } from './builds.js';
import { OpenModel } from './model.js';

/** @param {(url: URL) => Promise<BufferSource>} read */
export function api(read) {
  const compile = compiler(read);

  class Model extends OpenModel {
    static async open(file, { build, module } = {}) {
      if (module === undefined) {
        build ??= bestBuild();
        module = await compile(build);
      } else if (!(module instanceof WebAssembly.Module)) {
        throw new TypeError('module: expected a WebAssembly.Module');
      }
      return new Model(await WebAssembly.instantiate(module), file, build);
    }
  }

  /** The exports of a new instance, as C sees them. */
  const load = async (build) => (await WebAssembly.instantiate(await compile(build))).exports;

  return { Model, compile, load };
}
