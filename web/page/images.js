// Image files as the pixels of a network, as `bnn predict` makes them: grey unless the network
// knows colours, of its size, in its range, light on dark. Resizing is the browser's, and what is
// transparent is black, so that pixels differ a little from those of `bnn predict`, except those of
// opaque images that have the network's size.

/** The luminance of red, green and blue, in ten-thousandths (ITU-R BT.709). */
const GREY = [2126, 7152, 722];

/**
 * @param {Blob} file
 * @param {{width: number, height: number, channels: 1 | 3, max: number}} image
 * @param {boolean} isInverted whether light and dark are swapped
 * @returns {Promise<Uint8Array>} `[height, width, channels]`; rejects for what is no image
 */
export async function pixelsOfFile(file, { width, height, channels, max }, isInverted) {
  const size = { resizeWidth: width, resizeHeight: height, resizeQuality: 'high' };
  const bitmap = await createImageBitmap(file, size);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < pixels.length; i += 1) {
    const at = 4 * Math.floor(i / channels);
    const value =
      channels === 3
        ? data[at + (i % 3)]
        : Math.floor((GREY[0] * data[at] + GREY[1] * data[at + 1] + GREY[2] * data[at + 2]) / 1e4);
    pixels[i] = Math.round(((isInverted ? 255 - value : value) * max) / 255);
  }
  return pixels;
}
