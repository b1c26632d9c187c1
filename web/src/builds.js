// The two builds of the WebAssembly module, and which of them this engine can run.

/** The smallest module that has an instruction of 128-bit vectors: () -> v128, i8x16.popcnt. */
const WITH_VECTORS = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15,
  253, 98, 11,
]);

/**
 * The module's file of each build. Bundlers look for exactly this expression with its text, and put
 * the file beside what they write; where there is no such URL, nothing fails until it is asked for.
 */
const FILES = {
  simd128: () => new URL('../dist/bnn-simd128.wasm', import.meta.url),
  plain: () => new URL('../dist/bnn.wasm', import.meta.url),
};

/** Whether this engine has the vectors of the build `simd128`. */
export const hasSimd128 = () => WebAssembly.validate(WITH_VECTORS);

/** The build that `load` takes unless it is told another one. */
export const bestBuild = () => (hasSimd128() ? 'simd128' : 'plain');

/**
 * Compiles builds, each once.
 *
 * @param {(url: URL) => Promise<BufferSource>} read
 */
export function compiler(read) {
  const compiled = new Map();
  return function compile(build = bestBuild()) {
    const file = Object.hasOwn(FILES, build) ? FILES[build] : undefined;
    if (file === undefined) {
      throw new TypeError(`build: expected ${Object.keys(FILES).join(' or ')}, found ${build}`);
    }
    if (!compiled.has(build)) {
      const module = read(file()).then(WebAssembly.compile);
      // What could not be read may be there the next time.
      module.catch(() => compiled.delete(build));
      compiled.set(build, module);
    }
    return compiled.get(build);
  };
}
