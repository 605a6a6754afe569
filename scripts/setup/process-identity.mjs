import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process started, in a form that only serves to compare: a process id alone is reused by the system, id and
 * start together are not. On Linux: the boot's id and the start in clock ticks since boot (proc_pid_stat(5), field
 * 22); elsewhere what `ps -o lstart=` says, to the second.
 *
 * @param {number} pid
 * @returns {string | undefined} undefined when no such process lives (a zombie does not live).
 */
export function processStart(pid) {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/**
 * Whether the process that was seen with this id and start is still alive.
 *
 * @param {{ pid: number, start: string }} identity
 * @returns {boolean}
 */
export function isAlive(identity) {
  return processStart(identity.pid) === identity.start;
}

/** @returns {{ pid: number, start: string }} the identity of this process. */
export function ownIdentity() {
  return { pid: process.pid, start: processStart(process.pid) ?? 'unknown' };
}

function startFromProc(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  if (state === 'Z' || state === 'X') return undefined;
  return `${bootId()}/${fields[19]}`;
}

let knownBootId;

function bootId() {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return knownBootId;
}

function startFromPs(pid) {
  try {
    const [state, ...start] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(/\s+/);
    return state === undefined || state.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return undefined;
  }
}
