import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of `/proc` on Linux. */
const TICKS = 100;

/**
 * Processor time that a process, its descendants, and those of its children that have ended have used, seconds. Linux
 * only; 0 elsewhere.
 */
export function processorSeconds(pid: number): number {
  const times = new Map<number, { parent: number; ticks: number }>();
  for (const entry of processes()) {
    const fields = statOf(entry);
    if (fields === undefined) continue;
    // Fields of proc(5), counted behind the name: ppid, utime, stime, cutime, cstime.
    const [parent, ...ticks] = [1, 11, 12, 13, 14].map((at) => Number(fields[at]));
    times.set(Number(entry), { parent: parent ?? 0, ticks: ticks.reduce((sum, each) => sum + each, 0) });
  }
  const below = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined && at > 1; at = times.get(at)?.parent)
      if (at === pid) return true;
    return false;
  };
  let total = 0;
  for (const [id, { ticks }] of times) if (below(id)) total += ticks;
  return total / TICKS;
}

function processes(): string[] {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  } catch {
    return [];
  }
}

function statOf(entry: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${entry}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It ended while we looked.
    return undefined;
  }
}
