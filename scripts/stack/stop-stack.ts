import { existsSync } from 'node:fs';
import { OperatorError } from '../operator-error.ts';
import { resolveDataFolder } from './data-folder.ts';
import { endLeftovers, leftovers } from './leftovers.ts';
import { requireOwnHost } from './stack-host.ts';
import { withStackLock } from './stack-lock.ts';
import { readState, writeState } from './stack-state.ts';
import { isSupervised } from './stack.ts';
import { stopProcess } from './stop-process.ts';

/** The supervisor needs at most the sum of its children's times: 45 s workers, 15 s Temporal, 30 s PostgreSQL. */
const SUPERVISOR_STEPS = [
  { signal: 'SIGTERM', milliseconds: 100_000 },
  { signal: 'SIGKILL', milliseconds: 5_000 },
] as const;

/**
 * Stops the stack of a data folder: workers, Temporal, PostgreSQL, in this order, and nothing else. Data stays.
 * @returns the names of the processes that were stopped; none when nothing ran.
 * @throws OperatorError when something is left over, or the stack is another machine's.
 */
export async function stopStack(
  options: { readonly dataFolder?: string | undefined; readonly onProgress?: (line: string) => void } = {},
): Promise<string[]> {
  const dataFolder = resolveDataFolder(options.dataFolder);
  if (!existsSync(dataFolder)) return [];
  return withStackLock(dataFolder, options.onProgress ?? (() => undefined), async () => {
    const before = readState(dataFolder);
    if (before === undefined) return [];
    requireOwnHost(dataFolder, before);
    const running = leftovers(dataFolder, before).map(({ name }) => name);
    if (before.supervisor !== undefined && isSupervised(before)) {
      await stopProcess(before.supervisor, SUPERVISOR_STEPS);
    }
    await endLeftovers(dataFolder, readState(dataFolder));
    const left = leftovers(dataFolder, before);
    if (left.length > 0) {
      throw new OperatorError({
        expected: 'nothing of the stack to be left',
        found: left.map(({ name, pid }) => `${name} (process ${pid})`).join(', '),
        where: dataFolder,
        remedy: 'Run `thoughtloop down` again.',
      });
    }
    const { supervisor: _gone, failure: _former, ...rest } = readState(dataFolder) ?? before;
    writeState(dataFolder, { ...rest, status: 'stopped', processes: [] });
    return running;
  });
}
