/**
 * Exit codes of every command.
 *
 * 0 done · 1 failure · 2 wrong usage or bad input · 3 the stack (Temporal, database) is not reachable ·
 * 4 the run is parked or has failed
 */
export const EXIT_CODES = { ok: 0, failure: 1, badInput: 2, unreachable: 3, runStopped: 4 } as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The four things a person needs to know about a failure. */
export interface Complaint {
  /** What was expected. */
  readonly expected: string;
  /** What was found instead. */
  readonly found: string;
  /** File, option, address or process concerned, when `found` does not say it. */
  readonly where?: string;
  /** What to do. */
  readonly remedy: string;
  /** 1 unless said otherwise. */
  readonly exitCode?: ExitCode;
  readonly cause?: unknown;
}

/** A failure that the person at the command line can cure: shown as its message, without a stack trace. */
export class OperatorError extends Error {
  readonly exitCode: ExitCode;
  /** Its parts, where this process made it. */
  readonly complaint: Complaint | undefined;

  /** @param complaint what is wrong; or the text of a complaint that another process made. */
  constructor(complaint: Complaint | string) {
    super(typeof complaint === 'string' ? complaint : wording(complaint));
    this.name = 'OperatorError';
    this.complaint = typeof complaint === 'string' ? undefined : complaint;
    this.exitCode = this.complaint?.exitCode ?? EXIT_CODES.failure;
    this.cause = this.complaint?.cause;
  }
}

function wording({ expected, found, where, remedy }: Complaint): string {
  return `Expected ${expected}, found ${found}${where === undefined ? '' : ` (${where})`}. ${remedy}`;
}
