// The memory of one instance, handed out from its end, and given back from there. The instance never
// gives any back: a model has one of its own, and both go together.

import { BnnError } from './errors.js';

const PAGE = 65_536;
/** Alignment of all that is handed out; a model file wants 8. */
export const ALIGN = 16;

export class Memory {
  #memory;
  #end;

  /** @param {WebAssembly.Exports} exports */
  constructor({ memory, __heap_base }) {
    this.#memory = memory;
    this.#end = __heap_base.value;
  }

  /** Where the next reservation begins, but for its alignment. */
  get end() {
    return this.#end;
  }

  /** Takes back all that was handed out since `end` was this. */
  release(end) {
    this.#end = end;
  }

  /**
   * Hands out `bytes` bytes, whatever is in them, and returns their address. If they cannot be had,
   * nothing has changed.
   */
  reserve(bytes) {
    const at = Math.ceil(this.#end / ALIGN) * ALIGN;
    const missing = at + bytes - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE));
      } catch {
        throw new BnnError('NO_MEMORY', `${bytes} bytes cannot be had`);
      }
    }
    this.#end = at + bytes;
    return at;
  }

  /** A view of `length` elements at `address`, valid until memory is reserved. */
  view(Elements, address, length) {
    return new Elements(this.#memory.buffer, address, length);
  }

  /** The text of `bytes` bytes at `address`, without `bytes` up to a 0. */
  text(address, bytes) {
    const from = new Uint8Array(this.#memory.buffer, address, bytes);
    return new TextDecoder().decode(bytes === undefined ? from.subarray(0, from.indexOf(0)) : from);
  }
}
