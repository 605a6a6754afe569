import { spawn } from 'node:child_process';
import { freePort } from '../../scripts/stack/ports.ts';
import { findTemporal } from '../../scripts/stack/temporal-program.ts';
import { askTemporal, serverArguments, serverEnvironment } from '../../scripts/stack/temporal-server.ts';
import { eventually } from './eventually.ts';

/** A real Temporal server of a test file's own. */
export interface TestTemporal {
  /** `host:port`, namespace `default`. */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Starts a Temporal server in memory, with thoughtloop's search attributes, on a free port. About one second.
 * @param extra further arguments of `temporal server start-dev`, such as `--dynamic-config-value`, `limit…=60`.
 */
export async function startTestTemporal(extra: readonly string[] = []): Promise<TestTemporal> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const args = [...serverArguments({ port, namespace: 'default' }), ...extra];
  const server = spawn(findTemporal().path, args, { env: serverEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)));
  }
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const endWithRun = (): void => void server.kill('SIGKILL');
  process.once('exit', endWithRun);
  await eventually(`Temporal answers at ${address}`, async () => {
    if (server.exitCode !== null) throw new Error(`Temporal ended while starting:\n${log}`);
    return askTemporal(address, 'default').then(
      () => true,
      () => false,
    );
  });
  return {
    address,
    stop: async () => {
      process.off('exit', endWithRun);
      server.kill('SIGTERM');
      await ended;
    },
  };
}
