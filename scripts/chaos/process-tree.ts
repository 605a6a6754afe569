import { readdirSync, readFileSync } from 'node:fs';
import { isAlive, processStart } from '../setup/process-identity.mjs';

/** Text of a process's file under /proc; empty once it has ended. Linux only. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

const ids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const parentOf = (pid: number): number => {
  const stat = readProc(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
};

/** Processes that a process has started and that still run. */
export function childrenOf(pid: number): number[] {
  return ids().filter((id) => parentOf(id) === pid);
}

/** A process and everything that it and its children have started, the process first. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** This process and those that started it. */
function lineage(): Set<number> {
  const line = new Set<number>();
  for (let pid = process.pid; pid > 0 && !line.has(pid); pid = parentOf(pid)) line.add(pid);
  return line;
}

/** Processes whose command line or environment names a text; not the dead, nor this one and those that started it. */
export function processesNaming(text: string): { readonly pid: number; readonly command: string }[] {
  const own = lineage();
  return ids().flatMap((pid) => {
    if (own.has(pid) || processStart(pid) === undefined) return [];
    const command = readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
    return command.includes(text) || readProc(pid, 'environ').includes(text) ? [{ pid, command }] : [];
  });
}

/** Ends at once all that {@link processesNaming} finds: jobs outlive their stack on purpose. */
export function endNaming(text: string): void {
  for (const { pid } of processesNaming(text)) signalProcess(pid, 'SIGKILL');
}

/**
 * Sends a signal to one process that the harness's stack has started.
 * @returns whether it was there
 * @throws TypeError for an id that names no single process
 */
export function signalProcess(pid: number, signal: NodeJS.Signals, start?: string): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 1) throw new TypeError(`Expected the id of one process, got ${pid}`);
  if (start !== undefined && !isAlive({ pid, start })) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
