import { hostname } from 'node:os';

/** What tells the workers of one data folder from those of another: the beginning of the folder's id. */
const FOLDER = /#([0-9a-f]{8})$/;

const shortId = (folder: string): string => folder.slice(0, 8);

/**
 * A worker's name in Temporal: kind, process, machine, data folder.
 * @param folder id of the data folder
 */
export const workerIdentity = (kind: string, folder: string): string =>
  `${kind}@${process.pid}@${hostname()}#${shortId(folder)}`;

/** Whether a worker of that identity is one of these processes of this machine. */
export function isOneOf(identity: string, pids: readonly number[]): boolean {
  const [, pid, host = ''] = identity.split('@');
  return pids.includes(Number(pid)) && host.split('#')[0] === hostname();
}

/** Whether a worker of that identity works on another data folder; one that names none is not known to. */
export function isOfAnotherFolder(identity: string, folder: string): boolean {
  const found = FOLDER.exec(identity)?.[1];
  return found !== undefined && found !== shortId(folder);
}
