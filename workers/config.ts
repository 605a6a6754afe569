import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';

const environment = z.object({
  /** Folder of checkpoints, training sets, jobs; every node sees it. */
  THOUGHTLOOP_DATA: z.string().min(1),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  THOUGHTLOOP_PYTHON: z.string().min(1),
  /** Absolute path of a program in place of the reference trainer (deploy/trainer/README.md); none when absent. */
  THOUGHTLOOP_TRAINER: z.string().startsWith('/').optional(),
  /** Absolute path of a program in place of the vLLM launcher (deploy/server/README.md); none when absent. */
  THOUGHTLOOP_SERVER: z.string().startsWith('/').optional(),
  /** host:port where Prometheus finds this process's metrics; none when absent. */
  THOUGHTLOOP_METRICS: z
    .string()
    .regex(/^[^:]+:\d+$/)
    .optional(),
  THOUGHTLOOP_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  /** Shards that a sampler process works on at once. */
  THOUGHTLOOP_SHARDS_AT_ONCE: z.coerce.number().int().min(1).default(4),
});

/** What a worker process is told by its environment; Temporal's own settings come from its standard `TEMPORAL_*`. */
export interface WorkerConfig {
  readonly dataFolder: string;
  readonly databaseUrl: string;
  readonly python: string;
  readonly trainer: string | undefined;
  readonly server: string | undefined;
  readonly metricsAddress: string | undefined;
  readonly logLevel: string;
  readonly shardsAtOnce: number;
  readonly cores: number;
}

/**
 * Reads and checks the process's environment once.
 * @throws naming every variable that is missing or wrong.
 */
export function readConfig(variables: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const parsed = environment.safeParse(variables);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    throw new Error(
      `Expected a worker's environment, found ${problems}: set these, or start workers with \`thoughtloop up\``,
    );
  }
  const { data } = parsed;
  return Object.freeze({
    dataFolder: resolve(data.THOUGHTLOOP_DATA),
    databaseUrl: data.DATABASE_URL,
    python: data.THOUGHTLOOP_PYTHON,
    trainer: data.THOUGHTLOOP_TRAINER,
    server: data.THOUGHTLOOP_SERVER,
    metricsAddress: data.THOUGHTLOOP_METRICS,
    logLevel: data.THOUGHTLOOP_LOG_LEVEL,
    shardsAtOnce: data.THOUGHTLOOP_SHARDS_AT_ONCE,
    cores: availableParallelism(),
  });
}
