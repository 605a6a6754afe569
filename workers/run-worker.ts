import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { ownWorkerProcess } from '../activities/clusters/worker-process.ts';
import type { Dependencies } from '../activities/dependencies.ts';
import { openDatabase } from '../activities/store/pool.ts';
import { readConfig, type WorkerConfig } from './config.ts';
import { keepHandingBack } from './hand-back-loop.ts';
import { noteHeldAttempts } from './held-attempts.ts';
import { installRuntime } from './runtime.ts';

/** What one kind of worker adds to what all have. */
export type WorkerKind = (
  dependencies: Dependencies,
  config: WorkerConfig,
) => Omit<WorkerOptions, 'connection' | 'namespace' | 'identity'>;

/**
 * A worker process from its environment to its end: reads the configuration, connects, works until SIGTERM or SIGINT,
 * closes what it opened. Ends with an error when it cannot connect: whoever started it starts it again.
 */
export async function runWorker(name: string, kind: WorkerKind): Promise<void> {
  const config = readConfig();
  installRuntime(config, name);
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  const database = openDatabase(config.databaseUrl);
  // Where a process cannot be told from others, heartbeats alone find a worker that was killed.
  const own = await ownWorkerProcess().catch(() => null);
  const ending = new AbortController();
  let handingBack: Promise<void> | undefined;
  try {
    const dependencies = { database, dataFolder: config.dataFolder, python: config.python };
    const worker = await Worker.create({
      connection,
      namespace,
      identity: `${name}@${process.pid}`,
      // Cancellation reaches an activity by its heartbeats: at most this late.
      maxHeartbeatThrottleInterval: '5 seconds',
      defaultHeartbeatThrottleInterval: '5 seconds',
      // An activity that does not come to its end is left to its next attempt.
      shutdownForceTime: '90 seconds',
      interceptors: { activity: own === null ? [] : [noteHeldAttempts(database, own)] },
      ...kind(dependencies, config),
    });
    if (own !== null) handingBack = keepHandingBack(connection, namespace, database, own, ending.signal);
    await worker.run();
  } finally {
    ending.abort();
    await handingBack;
    await database.end();
    await connection.close();
  }
}
