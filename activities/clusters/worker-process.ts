import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isMissing } from './atomic-json.ts';
import { bootId, isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts';

/** A worker process, told from those of other machines. */
export interface WorkerProcess extends ProcessIdentity {
  /** Host name and, where there is one, the system's machine id. */
  readonly machine: string;
  /** Namespace in which `pid` counts: each container has its own. */
  readonly pidNamespace: string;
}

/** This process. */
export async function ownWorkerProcess(): Promise<WorkerProcess> {
  const [identity, id, pidNamespace] = await Promise.all([ownIdentity(), machineId(), readlink('/proc/self/ns/pid')]);
  return { ...identity, machine: [hostname(), ...id].join(' '), pidNamespace };
}

/**
 * Whether a process that `own` can judge is gone for certain: one of an earlier boot of the same machine, or one that is
 * not in the same list of processes any more. Of other machines and containers nothing is known: they are not gone.
 */
export async function isGone(process: WorkerProcess, own: WorkerProcess): Promise<boolean> {
  if (process.machine !== own.machine) return false;
  const [boot] = process.start.split('/');
  // Without a machine id another machine may have the same name.
  if (boot !== (await bootId())) return (await machineId()).length > 0;
  return process.pidNamespace === own.pidNamespace && !(await isAlive(process));
}

/** `/etc/machine-id`, none where it is missing or empty, as in many containers. */
async function machineId(): Promise<readonly string[]> {
  try {
    const id = (await readFile('/etc/machine-id', 'utf8')).trim();
    return id === '' ? [] : [id];
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
