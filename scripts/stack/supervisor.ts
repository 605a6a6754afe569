/**
 * The process that owns a data folder's stack: starts its parts in order, starts again what ends, and on SIGTERM stops
 * all of it. Started detached by `ensureStack` with the data folder as its argument; everything else it reads from
 * `<data>/stack.json`, where it also reports. When that file vanishes the stack goes too.
 *
 * starting → PostgreSQL, Temporal → migrations → database and data folder belong together → workers → their version is
 * current → ready; a part that does not come up → failed; SIGTERM → stopped.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { codeVersion } from '../../workers/code-version.ts';
import { isOneOf } from '../../workers/worker-identity.ts';
import { OperatorError } from '../operator-error.ts';
import { ownIdentity } from '../setup/process-identity.mjs';
import { joinByUrl } from '../store-refusal.ts';
import { bringSchemaUp } from '../versions/bring-schema-up.ts';
import { makeCurrent } from '../versions/current-version.ts';
import { takeOver } from '../versions/take-over.ts';
import { requireOwnQueues } from './foreign-workers.ts';
import { ADOPT } from './supervisor-arguments.ts';
import { POSTGRES, TEMPORAL, stopOrder, workerSpecs, type ChildSpec } from './child-spec.ts';
import { poll } from './deadline.ts';
import { POSTGRES_DATABASE, createCluster, ensureDatabase, identity, serverCommand } from './postgres-cluster.ts';
import { stackCluster, stackDatabaseUrl } from './stack-database.ts';
import { givenDatabaseUrl, workerEnvironment } from './stack-environment.ts';
import { EMBEDDED_NAMESPACE, readState, stateFile, writeState, type StackState } from './stack-state.ts';
import { SupervisedChild } from './supervised-child.ts';
import { taskQueuePollers, type Poller } from './task-queue-pollers.ts';
import { askTemporal, extendRetention, serverArguments, serverEnvironment } from './temporal-server.ts';

/** Measured: under 3 s each; a recovery after a crash or a loaded machine takes longer. */
const PART_READY_MILLISECONDS = 120_000;
const POLL_MILLISECONDS = 100;
const FOLDER_CHECK_MILLISECONDS = 5_000;

class Supervisor {
  readonly #dataFolder: string;
  readonly #adopt: boolean;
  readonly #children: SupervisedChild[] = [];
  #state: StackState;
  #stopping = false;

  constructor(dataFolder: string, state: StackState, adopt: boolean) {
    this.#dataFolder = dataFolder;
    this.#adopt = adopt;
    this.#state = { ...state, status: 'starting', supervisor: ownIdentity(), processes: [] };
  }

  async run(): Promise<void> {
    process.on('SIGTERM', () => void this.#stop('stopped'));
    process.on('SIGINT', () => void this.#stop('stopped'));
    setInterval(() => {
      if (!existsSync(stateFile(this.#dataFolder))) void this.#stop('stopped');
    }, FOLDER_CHECK_MILLISECONDS);
    this.#report();
    try {
      await this.#startAll();
      this.#update({ status: 'ready' });
    } catch (error) {
      if (this.#stopping) return;
      console.error(error);
      this.#state = { ...this.#state, failure: (error as Error).message };
      await this.#stop('failed');
    }
  }

  async #startAll(): Promise<void> {
    const [, databaseUrl] = await Promise.all([this.#startTemporal(), this.#startPostgres()]);
    await bringSchemaUp(databaseUrl, this.#dataFolder);
    await joinByUrl(databaseUrl, this.#dataFolder, this.#adopt);
    if (!this.#state.workers) return;
    const version = codeVersion();
    this.#update({ codeVersion: version });
    const env = workerEnvironment(this.#dataFolder, databaseUrl, this.#state.temporal, version);
    await this.#withTemporal(async (connection, namespace) => {
      await requireOwnQueues(connection, namespace, this.#dataFolder);
      const workers = workerSpecs(this.#state.samplers, env).map((spec) => this.#start(spec));
      await this.#workersReady(workers, version, connection, namespace);
      const notices = await takeOver({
        connection,
        namespace,
        version,
        dataFolder: this.#dataFolder,
        makeCurrent: () => this.#ready(workers, () => makeCurrent(connection, namespace, version)),
      });
      const given =
        this.#state.temporal.kind === 'given' ? [`New runs go to the workers of this stack, version ${version}.`] : [];
      this.#update({ notices: [...given, ...notices] });
    });
  }

  async #startPostgres(): Promise<string> {
    const { postgres } = this.#state;
    if (postgres.kind === 'given') return givenDatabaseUrl() ?? '';
    const cluster = stackCluster(this.#dataFolder, postgres.port);
    await createCluster(cluster);
    const { command, args, ...launch } = await serverCommand(cluster);
    const child = this.#start({
      name: POSTGRES,
      command,
      args,
      env: process.env,
      ...identity({ command, args, ...launch }),
    });
    await this.#ready([child], () => ensureDatabase(cluster, POSTGRES_DATABASE));
    return stackDatabaseUrl(this.#dataFolder, postgres.port);
  }

  async #startTemporal(): Promise<void> {
    const { temporal } = this.#state;
    if (temporal.kind === 'given') return;
    const server = { ...temporal, file: join(this.#dataFolder, 'temporal.db'), namespace: EMBEDDED_NAMESPACE };
    const child = this.#start({
      name: TEMPORAL,
      command: temporal.program,
      args: serverArguments(server),
      env: serverEnvironment(),
      cwd: this.#dataFolder,
    });
    const address = `127.0.0.1:${temporal.port}`;
    await this.#ready([child], () => askTemporal(address, EMBEDDED_NAMESPACE));
    await extendRetention(address, EMBEDDED_NAMESPACE);
  }

  async #withTemporal(work: (connection: Connection, namespace: string) => Promise<void>): Promise<void> {
    const { temporal } = this.#state;
    const { connectionOptions, namespace = EMBEDDED_NAMESPACE } =
      temporal.kind === 'given'
        ? loadClientConnectConfig()
        : { connectionOptions: { address: `127.0.0.1:${temporal.port}` }, namespace: EMBEDDED_NAMESPACE };
    const connection = await Connection.connect(connectionOptions);
    try {
      await work(connection, namespace);
    } finally {
      await connection.close();
    }
  }

  async #workersReady(
    workers: readonly SupervisedChild[],
    version: string,
    connection: Connection,
    namespace: string,
  ): Promise<void> {
    await this.#ready(workers, async () => {
      const queues = await taskQueuePollers(connection, namespace);
      // When they last asked is said by the server's clock, which this machine's need not agree with.
      const pids = workers.flatMap(({ process }) => (process === undefined ? [] : [process.pid]));
      const asks = (poller: Poller): boolean => poller.version === version && isOneOf(poller.identity, pids);
      const silent = queues.filter(({ pollers }) => !pollers.some(asks)).map(({ queue }) => queue);
      if (silent.length > 0) throw new Error(`no worker asks for work on ${silent.join(', ')}`);
    });
  }

  /** Waits until a part answers; gives up when one of its processes keeps ending or the time is over. */
  async #ready(children: readonly SupervisedChild[], attempt: () => Promise<void>): Promise<void> {
    const outcome = await poll<'ready' | 'stopped' | SupervisedChild>(
      async () => {
        if (this.#stopping) return 'stopped';
        const failing = children.find((child) => child.failing);
        if (failing !== undefined) return failing;
        await attempt();
        return 'ready';
      },
      PART_READY_MILLISECONDS,
      POLL_MILLISECONDS,
    );
    const names = children.map(({ spec }) => spec.name).join(', ');
    if ('gaveUp' in outcome) {
      throw new OperatorError({
        expected: `${names} to be ready within ${PART_READY_MILLISECONDS / 1000} s`,
        found: outcome.gaveUp instanceof Error ? outcome.gaveUp.message : 'no answer',
        where: join(this.#dataFolder, 'logs'),
        remedy: 'Read the logs there, then run `thoughtloop up` again.',
      });
    }
    if (outcome.answer === 'ready') return;
    if (outcome.answer === 'stopped') throw new Error(`stopped while waiting for ${names}`);
    const { spec } = outcome.answer;
    throw new OperatorError({
      expected: `the process \`${spec.name}\` to stay up`,
      found: 'that it keeps ending',
      where: join(this.#dataFolder, 'logs', `${spec.name}.log`),
      remedy: `Mend what it says there, then run \`thoughtloop up\` again. Its last words:\n${outcome.answer.lastWords(8)}`,
    });
  }

  #start(spec: ChildSpec): SupervisedChild {
    const child = new SupervisedChild(spec, this.#dataFolder, () => this.#report());
    this.#children.push(child);
    if (!this.#stopping) child.start();
    return child;
  }

  async #stop(status: 'stopped' | 'failed'): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const named = this.#children.map((child) => ({ name: child.spec.name, child }));
    for (const group of stopOrder(named)) await Promise.all(group.map(({ child }) => child.stop()));
    this.#update({ status, supervisor: undefined });
    process.exit(status === 'stopped' ? 0 : 1);
  }

  #update(change: Partial<Pick<StackState, 'status' | 'supervisor' | 'codeVersion' | 'notices'>>): void {
    this.#state = { ...this.#state, ...change };
    this.#report();
  }

  #report(): void {
    const processes = this.#children.flatMap(({ process }) => (process === undefined ? [] : [process]));
    this.#state = { ...this.#state, processes };
    // Without its file the stack is about to go; writing would bring a deleted data folder back.
    if (existsSync(stateFile(this.#dataFolder))) writeState(this.#dataFolder, this.#state);
  }
}

const dataFolder = process.argv[2];
const state = dataFolder === undefined ? undefined : readState(dataFolder);
if (dataFolder === undefined || state === undefined) {
  throw new Error(
    `Expected a data folder with a stack.json as argument, found \`${dataFolder}\`: use \`thoughtloop up\``,
  );
}
await new Supervisor(dataFolder, state, process.argv[3] === ADOPT).run();
