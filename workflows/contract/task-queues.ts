/** Task queues: what a worker process is there for. */
export const TASK_QUEUES = {
  /** Workflows and quick activities on store and files. */
  control: 'thoughtloop-control',
  /** Sampling, planning, training-set export. */
  sampling: 'thoughtloop-sampling',
  /** Jobs on clusters: training and serving. */
  cluster: 'thoughtloop-cluster',
  /** Benchmarks and likelihoods. */
  evaluation: 'thoughtloop-evaluation',
} as const;
