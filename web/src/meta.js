// The text of a model file: lines of `key=value`, whose values are escaped like Rust's strings.

const ESCAPE = /\\(?:u\{([0-9a-fA-F]{1,6})\}|([\\'"nrt0]))/g;
const LETTERS = { n: '\n', r: '\r', t: '\t', 0: '\0' };

/** Reverses the escapes; any other backslash stands for itself. */
function unescape(value) {
  return value.replace(ESCAPE, (all, code, letter) => {
    if (code === undefined) return LETTERS[letter] ?? letter;
    const number = Number.parseInt(code, 16);
    const isText = number <= 0x10ffff && !(number >= 0xd800 && number <= 0xdfff);
    return isText ? String.fromCodePoint(number) : all;
  });
}

/** The pairs of a text; of equal keys the first counts. */
export function parseMeta(text) {
  const pairs = new Map();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const key = line.slice(0, at);
    if (at >= 0 && !pairs.has(key)) {
      pairs.set(key, unescape(line.slice(at + 1).replace(/\r$/, '')));
    }
  }
  return pairs;
}

/** The names of `classes` classes, or `undefined` if not all of them have one. */
export function labelsOf(meta, classes) {
  // A small file can have any number of outputs, but not of names.
  if (classes > meta.size) return undefined;
  const labels = Array.from({ length: classes }, (_, i) => meta.get(`class.${i}`));
  return labels.includes(undefined) ? undefined : labels;
}
