// Digits as a hand draws them on the page: strokes of points in a square of 280 units.

/** The points of an arc around (`x`, `y`), angles in degrees, clockwise from the right. */
function arc(x, y, rx, ry, from, to) {
  const steps = 24;
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
}

/** A drawing of each digit. */
export const DRAWINGS = [
  [arc(140, 140, 55, 90, -90, 270)],
  [[[105, 90], [150, 50], [150, 230]]],
  [[...arc(140, 100, 52, 50, -160, 30), [95, 228], [200, 228]]],
  [[...arc(135, 97, 50, 46, -140, 80), ...arc(135, 185, 57, 48, -80, 140)]],
  [[[160, 50], [88, 165], [205, 165]], [[165, 110], [165, 235]]],
  [[[190, 52], [105, 52], [100, 125], ...arc(138, 170, 54, 58, -110, 140)]],
  [[...arc(195, 150, 95, 100, -110, -180), ...arc(145, 178, 46, 50, -180, 180)]],
  [[[90, 55], [195, 55], [125, 230]]],
  [[...arc(140, 95, 42, 43, 90, -270), ...arc(140, 186, 50, 47, -90, 270)]],
  [[...arc(140, 100, 47, 48, 0, -360), [187, 100], [180, 170], [150, 232]]],
];
