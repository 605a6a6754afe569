import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { ownWorkerProcess } from '../activities/clusters/worker-process.ts';
import type { Dependencies } from '../activities/dependencies.ts';
import { joinStore, type StoreAndFolder } from '../activities/store/data-folder.ts';
import { openDatabase } from '../activities/store/pool.ts';
import { codeVersion, DEPLOYMENT } from './code-version.ts';
import { keepProgressGauge } from './progress-gauge.ts';
import { readConfig, type WorkerConfig } from './config.ts';
import { keepHandingBack } from './hand-back-loop.ts';
import { noteHeldAttempts } from './held-attempts.ts';
import { installRuntime } from './runtime.ts';
import { workerIdentity } from './worker-identity.ts';

/** What one kind of worker adds to what all have. */
export type WorkerKind = (
  dependencies: Dependencies,
  config: WorkerConfig,
) => Omit<WorkerOptions, 'connection' | 'namespace' | 'identity' | 'workerDeploymentOptions'>;

/**
 * A worker process from its environment to its end: reads the configuration, connects, works until SIGTERM or SIGINT,
 * closes what it opened. Ends with an error when it cannot connect, or when the database and the data folder do not belong
 * together: whoever started it starts it again.
 */
export async function runWorker(name: string, kind: WorkerKind): Promise<void> {
  const config = readConfig();
  const version = requireVersion(config);
  installRuntime(config, name);
  const database = openDatabase(config.databaseUrl);
  // Where a process cannot be told from others, heartbeats alone find a worker that was killed.
  const own = await ownWorkerProcess().catch(() => null);
  const ending = new AbortController();
  const beside: Promise<void>[] = [];
  let connection: NativeConnection | undefined;
  try {
    const folder = await joinDataFolder({ database, dataFolder: config.dataFolder });
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    connection = await NativeConnection.connect(connectionOptions);
    const dependencies: Dependencies = {
      database,
      dataFolder: config.dataFolder,
      python: config.python,
      onServerChange: (server, state, message) => {
        Runtime.instance().logger.info('a server’s state', { server, state, because: message });
      },
    };
    const worker = await Worker.create({
      connection,
      namespace,
      identity: workerIdentity(name, folder),
      // A run stays with workers of the version that it began an iteration with: what they replay is what they did.
      workerDeploymentOptions: {
        version: { deploymentName: DEPLOYMENT, buildId: version },
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'PINNED',
      },
      // Cancellation reaches an activity by its heartbeats: at most this late.
      maxHeartbeatThrottleInterval: '5 seconds',
      defaultHeartbeatThrottleInterval: '5 seconds',
      // An activity that does not come to its end is left to its next attempt.
      shutdownForceTime: '90 seconds',
      interceptors: { activity: own === null ? [] : [noteHeldAttempts(database, own)] },
      ...kind(dependencies, config),
    });
    if (own !== null) beside.push(keepHandingBack(connection, namespace, database, own, ending.signal));
    if (name === 'control' && config.metricsAddress !== undefined) {
      beside.push(keepProgressGauge(dependencies, ending.signal));
    }
    await worker.run();
  } finally {
    ending.abort();
    await Promise.all(beside);
    await database.end();
    await connection?.close();
  }
}

/** The version of this code; an error when the process that started this worker was of another one. */
function requireVersion({ codeVersion: expected }: WorkerConfig): string {
  const version = codeVersion();
  if (expected === undefined || expected === version) return version;
  throw new Error(
    `Expected code of version ${expected}, found version ${version}: the code has changed since the stack was ` +
      'started; run `thoughtloop down`, then `thoughtloop up`',
  );
}

/** @returns the data folder's id */
async function joinDataFolder(store: StoreAndFolder): Promise<string> {
  const { complaint, folder } = await joinStore(store);
  if (complaint === undefined && folder !== null) return folder;
  throw new Error(`Expected ${complaint?.expected}, found ${complaint?.found}. ${complaint?.remedy}`);
}
