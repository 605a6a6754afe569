import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, processStart, type ProcessIdentity } from '../setup/process-identity.mjs';
import { OperatorError } from '../operator-error.ts';
import { CHILD_MARK, commandMark, POSTGRES, stopOrder, stopSteps } from './child-spec.ts';
import { lockedBy, removeLock } from './postgres-cluster.ts';
import type { StackState } from './stack-state.ts';
import { stopProcess } from './stop-process.ts';

type Leftover = ProcessIdentity & { readonly name: string };

/**
 * Ends what a supervisor left behind that is no more: processes of its state file, those that it had no time to write
 * there (found by the mark in their environment, on Linux), and the server that holds PostgreSQL's lock file.
 * @returns the names of the processes that were ended.
 * @throws OperatorError when one does not end.
 */
export async function endLeftovers(dataFolder: string, state: StackState | undefined): Promise<string[]> {
  const found = leftovers(dataFolder, state);
  for (const group of stopOrder(found)) {
    await Promise.all(group.map((leftover) => endOne(dataFolder, leftover)));
  }
  removeLock(join(dataFolder, 'postgres'));
  return found.map(({ name }) => name);
}

/** Processes of a data folder's stack that are alive. */
export function leftovers(dataFolder: string, state: StackState | undefined): Leftover[] {
  const known = (state?.processes ?? []).filter(isAlive);
  const all: Leftover[] = [...known, ...markedProcesses(dataFolder), ...lockHolder(dataFolder)];
  return [...new Map(all.map((leftover) => [leftover.pid, leftover])).values()];
}

async function endOne(dataFolder: string, { name, ...identity }: Leftover): Promise<void> {
  if (await stopProcess(identity, stopSteps(name))) return;
  throw new OperatorError({
    expected: `the process \`${name}\` to end`,
    found: `that it is still there as process ${identity.pid}, also after SIGKILL`,
    where: dataFolder,
    remedy: 'It hangs in the operating system, perhaps on its disk: mend that, then run the command again.',
  });
}

/** Processes started by a stack hand their environment on; the command line tells the process from its offspring. */
function markedProcesses(dataFolder: string): Leftover[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const name = markOf(entry, dataFolder);
      const start = name === undefined ? undefined : processStart(Number(entry));
      return name === undefined || start === undefined ? [] : [{ pid: Number(entry), start, name }];
    });
}

function markOf(pid: string, dataFolder: string): string | undefined {
  const prefix = `${CHILD_MARK}=${dataFolder}:`;
  const name = readProc(pid, 'environ')
    .split('\0')
    .find((entry) => entry.startsWith(prefix))
    ?.slice(prefix.length);
  return name !== undefined && readProc(pid, 'cmdline').includes(commandMark(name)) ? name : undefined;
}

function lockHolder(dataFolder: string): Leftover[] {
  const folder = join(dataFolder, 'postgres');
  const pid = lockedBy(folder);
  const start = pid === undefined ? undefined : processStart(pid);
  if (pid === undefined || start === undefined || !readProc(String(pid), 'cmdline').includes(folder)) return [];
  return [{ pid, start, name: POSTGRES }];
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return '';
  }
}
