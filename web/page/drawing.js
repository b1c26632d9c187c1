// Strokes as the pixels of a network: the drawing is fitted to the image, its lines get the width
// that they have in the training data, and each pixel counts the points of it that have ink, as
// the makers of the digits did with 32 x 32 points on 8 x 8 pixels.

/** Points along a side of a pixel. */
const POINTS = 4;

/** The width of a line, as a part of the image's height. */
const LINE = 0.14;

/** Empty space around a drawing: none in tiny images, as in the digits; else as in MNIST. */
const marginOf = (side) => (side > 16 ? 1 / 7 : 0);

/**
 * @param {{x: number, y: number}[][]} strokes points in any unit, y downwards
 * @param {{width: number, height: number, max: number}} image
 * @returns {Uint8Array} `[height, width]`, from 0 to `max`
 */
export function pixelsOf(strokes, { width, height, max }) {
  const pixels = new Uint8Array(width * height);
  const points = strokes.flat();
  if (points.length === 0) return pixels;

  const columns = width * POINTS;
  const rows = height * POINTS;
  const line = rows * LINE * (1 - 2 * marginOf(height));
  const place = fit(points, columns, rows, line);
  const ink = new Uint8Array(columns * rows);
  for (const stroke of strokes) {
    const placed = stroke.map(place);
    placed.forEach((end, i) => draw(ink, columns, rows, placed[Math.max(i - 1, 0)], end, line / 2));
  }
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const pixel = Math.floor(row / POINTS) * width + Math.floor(column / POINTS);
      pixels[pixel] += ink[row * columns + column];
    }
  }
  return pixels.map((points) => Math.round((points * max) / POINTS ** 2));
}

/** Moves and scales points so that they fill the image, with their proportions, centred. */
function fit(points, columns, rows, line) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const bounds = (values) => values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);
  const [[left, right], [top, bottom]] = [bounds(xs), bounds(ys)];
  const room = (points) => points * (1 - 2 * marginOf(points / POINTS)) - line;
  const scale = Math.min(room(columns) / (right - left), room(rows) / (bottom - top));
  // A dot has no size to scale.
  const factor = Number.isFinite(scale) ? scale : 0;
  return ({ x, y }) => ({
    x: columns / 2 + (x - (left + right) / 2) * factor,
    y: rows / 2 + (y - (top + bottom) / 2) * factor,
  });
}

/** Puts ink on the points at most `radius` from the line from `a` to `b`. */
function draw(ink, columns, rows, a, b, radius) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const range = (p, q, end) => [
    Math.max(0, Math.floor(Math.min(p, q) - radius)),
    Math.min(end, Math.ceil(Math.max(p, q) + radius)),
  ];
  const [[left, right], [top, bottom]] = [range(a.x, b.x, columns), range(a.y, b.y, rows)];
  for (let row = top; row < bottom; row += 1) {
    for (let column = left; column < right; column += 1) {
      const [px, py] = [column + 0.5 - a.x, row + 0.5 - a.y];
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
      if (Math.hypot(px - along * dx, py - along * dy) <= radius) ink[row * columns + column] = 1;
    }
  }
}
