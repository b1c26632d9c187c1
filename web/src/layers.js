// A bnn_layer_t of bnn.h, as the 32-bit library lays it out, with its arrays as copies.

export const LAYER_BYTES = 112;

const KINDS = ['dense', 'conv2d', 'max_pool2d'];
const PADDINGS = [0, -1, 1];

/** The layer at `address` of `memory`. */
export function readLayer(memory, address) {
  const words = memory.view(Uint32Array, address, LAYER_BYTES / 4);
  const sizes = (from, count) => Array.from(words.subarray(from, from + count));
  const array = (Elements, word, length) =>
    words[word] === 0 ? undefined : memory.view(Elements, words[word], length).slice();

  const [inputShape, outputShape] = [sizes(0, 3), sizes(3, 3)];
  const outputs = outputShape[2];
  const weightsPerOutput = words[17];
  const rowWords = Math.ceil(weightsPerOutput / 64);
  return {
    kind: KINDS[words[24]],
    inputShape,
    outputShape,
    kernel: sizes(6, 2),
    stride: sizes(8, 2),
    dilation: sizes(10, 2),
    padding: sizes(12, 4),
    padValue: PADDINGS[words[27]],
    groups: words[16],
    input: { type: words[25] === 0 ? 'bits' : 'u8', bits: words[26] },
    weightsPerOutput,
    weights: array(BigUint64Array, 18, outputs * rowWords),
    inputThresholds: array(Uint8Array, 19, inputShape[2]),
    scale: array(Float32Array, 20, outputs),
    bias: array(Float32Array, 21, outputs),
    thresholds: array(Int16Array, 22, outputs) ?? array(Int32Array, 23, outputs),
  };
}
