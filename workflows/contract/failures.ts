/**
 * The closed list of failures that workflows meet. `type` is what crosses the sandbox; match on it, never on the message.
 * `retryable`: whether the activity is tried again. `remedy`: what the operator can do once the step has parked.
 */
export const FAILURES = {
  NoServer: { retryable: true, remedy: 'see `thoughtloop logs`; start servers or raise fleet.start_timeout_seconds' },
  ServerLost: { retryable: true, remedy: 'see the server log; the fleet starts another one' },
  ServerStartFailed: { retryable: false, remedy: 'see the server log in the job folder, then decide retry' },
  WrongWeights: { retryable: true, remedy: 'the server does not serve this checkpoint; it is replaced' },
  WorkerLost: { retryable: true, remedy: 'the worker process ended; another one takes the step over' },
  LeaseLost: { retryable: true, remedy: 'another worker took the shard over; nothing to do' },
  TooManyRejections: {
    retryable: false,
    remedy:
      'look at the reasons with `thoughtloop thoughts --rejected`; decide retry --set e-step.max_rejected=…, or start another run',
  },
  TrainingFailed: { retryable: false, remedy: 'see the job log, mend the cause, then decide retry' },
  JobLost: { retryable: false, remedy: 'the scheduler no longer knows the job and it left no marker; decide retry' },
  CheckpointInvalid: {
    retryable: false,
    remedy: 'files differ from their digests or are missing; restore them, then decide retry, or start another run',
  },
  CorpusInvalid: { retryable: false, remedy: 'import the corpus or name an existing split' },
  RecipeInvalid: { retryable: false, remedy: 'mend the recipe and start again' },
  GradingFailed: { retryable: false, remedy: 'see the grader’s message; decide retry or skip' },
  DiskFull: { retryable: true, remedy: 'make room in the data folder' },
  TrainingSetInvalid: {
    retryable: false,
    remedy:
      'restore the folder it names, or move it away, then decide retry: a set is written again, never over another',
  },
  StoreBehind: {
    retryable: false,
    remedy:
      'the database is older than its data folder: restore a newer backup of it, or accept the loss by `thoughtloop doctor --adopt`; then decide retry',
  },
  StoreMismatch: {
    retryable: false,
    remedy: 'database and data folder do not belong together: `thoughtloop doctor` says what helps; then decide retry',
  },
  StoreUnavailable: { retryable: true, remedy: 'start PostgreSQL or mend DATABASE_URL' },
  Aborted: { retryable: false, remedy: 'the operator ended the run; start another run with another name' },
} as const satisfies Record<string, { retryable: boolean; remedy: string }>;

export type FailureType = keyof typeof FAILURES;

/** Type of a failure by its name, or undefined when it is none of ours. */
export function failureType(name: string | null | undefined): FailureType | undefined {
  return name !== null && name !== undefined && Object.hasOwn(FAILURES, name) ? (name as FailureType) : undefined;
}

/** Whether a failure says that nothing may be written to the store: even the bookkeeping of a run waits until it may. */
export const isStoreRefusal = (type: string): boolean => type === 'StoreBehind' || type === 'StoreMismatch';
