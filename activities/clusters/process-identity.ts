import { readdir, readFile } from 'node:fs/promises';
import { isMissing } from './atomic-json.ts';

/**
 * A process of this machine. Its id alone is used again by the system; id and start together are not.
 * `start` = id of the boot, a slash, start in clock ticks since boot (proc_pid_stat(5), field 22).
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start: string;
}

interface ProcessStat {
  readonly state: string;
  readonly session: number;
  readonly startTicks: number;
}

let boot: string | undefined;

/** The id of this boot of the machine. */
export async function bootId(): Promise<string> {
  boot ??= (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return boot;
}

/** The identity of this process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const stat = await processStat(process.pid);
  if (stat === undefined) throw new Error('Expected this process in /proc, found it missing');
  return { pid: process.pid, start: `${await bootId()}/${stat.startTicks}` };
}

/** Whether the very process is alive; a zombie is not. */
export async function isAlive({ pid, start }: ProcessIdentity): Promise<boolean> {
  const stat = await processStat(pid);
  return stat !== undefined && !isDead(stat) && `${await bootId()}/${stat.startTicks}` === start;
}

/**
 * Ends by SIGKILL what is left of a session whose leader is gone: processes of the same session that began after it.
 * Nothing is done when the leader's id belongs to another process by now: a session's id is given out again only after
 * its last process has ended.
 */
export async function killSession(leader: ProcessIdentity): Promise<void> {
  const [leaderBoot, leaderTicks] = leader.start.split('/');
  if (leaderBoot !== (await bootId())) return;
  const atId = await processStat(leader.pid);
  if (atId !== undefined && `${leaderBoot}/${atId.startTicks}` !== leader.start) return;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await processStat(Number(name));
    if (stat?.session === leader.pid && !isDead(stat) && stat.startTicks >= Number(leaderTicks))
      sendSignal(Number(name), 'SIGKILL');
  }
}

/** Sends a signal; a process that is already gone is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

const isDead = ({ state }: ProcessStat): boolean => state === 'Z' || state === 'X';

async function processStat(pid: number): Promise<ProcessStat | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // ESRCH: the process ended between open and read.
    if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ESRCH')) return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', session: Number(fields[3]), startTicks: Number(fields[19]) };
}
