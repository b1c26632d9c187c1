// What the library refuses, as exceptions that say what was wrong and what was expected.

/** Names of the statuses of bnn.h by their numbers, which are never reused. */
const STATUSES = [
  'OK', 'NULL', 'MISALIGNED', 'ZERO', 'OVERFLOW', 'MISMATCH', 'TOO_SHORT', 'RANGE', 'TAIL_BITS',
  'OVERLAP', 'ISA_UNKNOWN', 'ISA_ABSENT', 'INTERNAL', 'INDIVISIBLE', 'UNSUPPORTED', 'NOT_FINITE',
  'MODEL_FORMAT', 'MODEL_DAMAGED', 'MODEL_INVALID', 'NOT_OPEN', 'LAYER', 'THREADS', 'NO_MEMORY',
  'FILE',
];

/** A call that the library refused. It has changed nothing. */
export class BnnError extends Error {
  name = 'BnnError';

  /**
   * @param {string} status the name of the status, without `BNN_ERROR_`
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
    this.code = STATUSES.indexOf(status);
  }
}

/** The bytes are no model file, or one that is damaged or breaks a rule of the format. */
export class ModelError extends BnnError {
  name = 'ModelError';
}

/** The exception for the status `code`. */
export function errorOf(code, message) {
  const status = STATUSES[code] ?? 'INTERNAL';
  return new (status.startsWith('MODEL_') ? ModelError : BnnError)(status, message);
}
