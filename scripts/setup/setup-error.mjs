/**
 * A failure of the set-up that the person can cure: shown as its message alone, without a stack trace.
 * The message says what was expected, what was found, where, and what to do.
 */
export class SetupError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'SetupError';
  }
}
