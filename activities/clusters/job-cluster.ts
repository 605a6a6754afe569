/**
 * The port to whatever runs jobs for us: training and serving.
 *
 * A job is named by its key, which stays the same over retries of activities, deaths of workers and resets of
 * workflows. Submitting a key twice, also at once from two machines or after a crash at any point of the first
 * submission, runs the program once. A cluster's word about the end of a job is a hint: what a job made is judged by
 * the marker in its output folder.
 */
export interface JobCluster {
  /** Name by which recipes choose the adapter. */
  readonly name: string;
  /** Time between two questions about a job's status that the cluster bears, milliseconds. */
  readonly pollMilliseconds: number;

  /**
   * Runs a job under a key that was never submitted; for a key that was, nothing is started and its handle comes back,
   * whatever became of the job.
   * @throws when the cluster cannot be reached or refuses the job; submitting again is then safe.
   */
  submit(key: string, spec: JobSpec): Promise<JobHandle>;

  /**
   * The job that was submitted under a key, running or ended; undefined when there was none.
   * @param folder The job's folder as given to `submit`.
   */
  find(key: string, folder: string): Promise<JobHandle | undefined>;

  status(handle: JobHandle): Promise<JobStatus>;

  /**
   * Stops a job and all its processes: asks first (SIGTERM), ends it after the grace time of its spec. Resolves when
   * the job has ended; nothing happens to a job that already had. A cancelled job is `failed`.
   */
  cancel(handle: JobHandle): Promise<void>;

  /** The last `lines` lines of what the job wrote, oldest first; empty when there is none. */
  logs(handle: JobHandle, lines: number): Promise<readonly string[]>;
}

/** What to run. */
export interface JobSpec {
  /** Program and its arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** Variables added to the environment that the cluster gives its jobs. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of the job's own folder: its log and the adapter's records. One folder a key. */
  readonly folder: string;
  /** Exit code by which the program asks to be started again. */
  readonly requeueExitCode: number;
  /** Times the program is started again on that code before the job counts as preempted. */
  readonly maxRequeues: number;
  /** Time between SIGTERM and SIGKILL when the job is cancelled, seconds. */
  readonly graceSeconds: number;
}

/** A submitted job, small enough to be stored. */
export interface JobHandle {
  readonly cluster: string;
  readonly key: string;
  readonly folder: string;
  /** The cluster's own name of the job. */
  readonly id: string;
}

export type JobStatus =
  | { readonly kind: 'queued' }
  | { readonly kind: 'running' }
  | { readonly kind: 'succeeded' }
  /** `exitCode` is null when the program was ended by a signal, or by `cancel`. */
  | { readonly kind: 'failed'; readonly reason: string; readonly exitCode: number | null }
  /** Ended by the cluster, and it may be submitted anew under another key. */
  | { readonly kind: 'preempted' }
  /** The cluster knows nothing of it any more and nobody saw how it ended. */
  | { readonly kind: 'lost' };

/** Whether a job will do nothing more. */
export const hasEnded = (status: JobStatus): boolean => status.kind !== 'queued' && status.kind !== 'running';
