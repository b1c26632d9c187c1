// The drawing area: strokes by pointer or by keys.

/** Units along a side of the area, which strokes are counted in. */
const SIDE = 280;
const LINE = 18;
const STEP = 10;

const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export class Pad {
  /** Strokes: lists of points `{x, y}`. */
  strokes = [];
  #canvas;
  #changed;
  #ended;
  /** Whether the strokes are an example, which the first stroke of a hand replaces. */
  #isExample = false;
  #pen = { x: SIDE / 2, y: SIDE / 2, isDown: false, isShown: false };

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{changed: () => void, ended: () => void}} handlers
   */
  constructor(canvas, { changed, ended }) {
    this.#canvas = canvas;
    this.#changed = changed;
    this.#ended = ended;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const type of ['pointerup', 'pointercancel']) {
      canvas.addEventListener(type, () => this.#ended());
    }
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => {
      this.#pen.isDown = this.#pen.isShown = false;
      this.draw();
    });
  }

  clear() {
    this.strokes = [];
    this.#isExample = false;
    this.#pen.isDown = false;
    this.#change();
    this.#ended();
  }

  /** Shows strokes until a hand draws. */
  example(strokes) {
    this.strokes = strokes;
    this.#isExample = true;
    this.#change();
    this.#ended();
  }

  draw() {
    const context = this.#canvas.getContext('2d');
    const style = getComputedStyle(this.#canvas);
    context.setTransform(this.#canvas.width / SIDE, 0, 0, this.#canvas.height / SIDE, 0, 0);
    context.clearRect(0, 0, SIDE, SIDE);
    context.lineCap = context.lineJoin = 'round';
    context.lineWidth = LINE;
    context.strokeStyle = style.getPropertyValue(this.#isExample ? '--quiet' : '--ink');
    for (const stroke of this.strokes) {
      context.beginPath();
      stroke.forEach(({ x, y }) => context.lineTo(x, y));
      // A point alone has no line.
      if (stroke.length === 1) context.lineTo(stroke[0].x + 0.01, stroke[0].y);
      context.stroke();
    }
    if (this.#pen.isShown) {
      context.beginPath();
      context.arc(this.#pen.x, this.#pen.y, LINE / 2, 0, 2 * Math.PI);
      context.lineWidth = 3;
      context.strokeStyle = style.getPropertyValue('--accent');
      context.stroke();
    }
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * SIDE) / box.width,
      y: ((event.clientY - box.top) * SIDE) / box.height,
    };
  }

  #begin(point) {
    if (this.#isExample) this.strokes = [];
    this.#isExample = false;
    this.strokes.push([point]);
    this.#change();
  }

  #down(event) {
    // One line at a time: a second finger draws none.
    if (!event.isPrimary || event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pen.isShown = false;
    this.#begin(this.#point(event));
  }

  #move(event) {
    if (!this.#canvas.hasPointerCapture(event.pointerId)) return;
    // Where the pointer was between two frames.
    const events = event.getCoalescedEvents?.() ?? [];
    this.strokes.at(-1)?.push(...(events.length > 0 ? events : [event]).map((e) => this.#point(e)));
    this.#change();
  }

  #key(event) {
    const pen = this.#pen;
    const move = MOVES[event.key];
    if (move !== undefined) {
      const inside = (value) => Math.min(SIDE - LINE, Math.max(LINE, value));
      pen.x = inside(pen.x + move[0] * STEP);
      pen.y = inside(pen.y + move[1] * STEP);
      if (pen.isDown) this.strokes.at(-1)?.push({ x: pen.x, y: pen.y });
    } else if (event.key === ' ') {
      pen.isDown = !pen.isDown;
      if (pen.isDown) this.#begin({ x: pen.x, y: pen.y });
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    pen.isShown = true;
    this.#change();
    if (!pen.isDown) this.#ended();
  }

  #change() {
    this.draw();
    this.#changed();
  }
}
