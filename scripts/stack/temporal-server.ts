import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract/search-attributes.ts';

/** Where an embedded Temporal server listens, on 127.0.0.1, and where it keeps its state. */
export interface TemporalServer {
  readonly port: number;
  /** Port of the Web UI; none without one. */
  readonly uiPort?: number;
  /** SQLite file; in memory without one. */
  readonly file?: string;
  readonly namespace: string;
}

/** How long finished workflows stay readable: longer than runs of weeks and the questions after them. */
const RETENTION_SECONDS = 90 * 24 * 3600;

/** Longest wait for an answer, milliseconds. */
const ANSWER_MS = 10_000;

/** Arguments of the `temporal` program that start the server in the foreground. */
export function serverArguments({ port, uiPort, file, namespace }: TemporalServer): string[] {
  return [
    'server',
    'start-dev',
    '--ip',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--namespace',
    namespace,
    '--log-format',
    'json',
    '--log-level',
    'warn',
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', `${uiPort}`, '--ui-disable-news-fetch']),
    ...(file === undefined ? [] : ['--db-filename', file, '--sqlite-pragma', 'journal_mode=wal']),
    ...Object.entries(SEARCH_ATTRIBUTES).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
  ];
}

/** The environment of the server: what configures Temporal's clients must not reach it. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

/**
 * Asks whether the server answers and has its namespace.
 * @throws the connection's error while it does not.
 */
export async function askTemporal(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '5 seconds' });
  try {
    await connection.withDeadline(Date.now() + ANSWER_MS, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
  } finally {
    await connection.close();
  }
}

/** Makes the server keep finished workflows; its own default is one day. */
export async function extendRetention(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.withDeadline(Date.now() + ANSWER_MS, async () => {
      const { config } = await connection.workflowService.describeNamespace({ namespace });
      if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) >= RETENTION_SECONDS) return;
      await connection.workflowService.updateNamespace({
        namespace,
        config: { workflowExecutionRetentionTtl: { seconds: RETENTION_SECONDS as never } },
      });
    });
  } finally {
    await connection.close();
  }
}
