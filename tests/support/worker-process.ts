import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A real worker process of a test's own. */
export interface TestWorker {
  readonly pid: number;
  /** Ends it by SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** Ends it by SIGTERM and waits until it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts one of the programs of `workers/` as the stack does.
 * @param name `control`, `sampler`, `cluster` or `evaluator`.
 * @param environment `DATABASE_URL`, `THOUGHTLOOP_DATA`, `TEMPORAL_ADDRESS`, and what else it shall find.
 */
export function startWorkerProcess(name: string, environment: NodeJS.ProcessEnv): TestWorker {
  const program = fileURLToPath(new URL(`../../workers/${name}.ts`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program], {
    env: { ...process.env, THOUGHTLOOP_PYTHON: 'none', THOUGHTLOOP_LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const endWithRun = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithRun);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
    process.off('exit', endWithRun);
  };
  return { pid: child.pid ?? 0, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}
