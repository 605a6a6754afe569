import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { failure, waitingFailure } from '../failure.ts';
import { readFolderFile, writeFolderFile } from './folder-file.ts';
import {
  leaveOutNumbers,
  lockIdentity,
  readIdentity,
  writeFolderSeen,
  writeIdentity,
  type StoreIdentity,
} from './identity.ts';
import { withTransaction, type Database } from './pool.ts';
import { compareStore, storeComplaint, type StoreComplaint, type StoreFit } from './store-fit.ts';

/** A database and the data folder that belongs to it, by absolute path. */
export interface StoreAndFolder {
  readonly database: Database;
  readonly dataFolder: string;
}

/** What there is to say of a database and a data folder. */
export interface StoreExamination {
  readonly fit: StoreFit;
  /** Why they may not be used together; undefined when they may. */
  readonly complaint: StoreComplaint | undefined;
  /** Id of the database's data folder; null where it has none. */
  readonly folder: string | null;
}

/** Looks whether a database and a data folder belong together, and whether the database is as new as the files. */
export async function examineStore({ database, dataFolder }: StoreAndFolder): Promise<StoreExamination> {
  // The folder first: what it has seen was in the database before.
  const file = await readFolderFile(dataFolder);
  const identity = await readIdentity(database);
  const compared = compareStore(identity, file);
  const copied = compared.kind === 'fits' && (await isCopied(identity, dataFolder));
  const fit: StoreFit = copied ? { kind: 'copied', path: identity.folderPath ?? '' } : compared;
  return { fit, complaint: storeComplaint(fit, identity.name, dataFolder), folder: identity.folder };
}

/**
 * As {@link examineStore}, before database and folder are worked with: of two that are new each gets to know the other,
 * and the database notes where its folder is.
 */
export async function joinStore(store: StoreAndFolder): Promise<StoreExamination> {
  const examined = await examineStore(store);
  if (examined.fit.kind === 'fits') await writeFolderSeen(store.database, seenNow(store));
  if (examined.fit.kind !== 'new') return examined;
  await withTransaction(store.database, async (connection) => {
    const identity = await lockIdentity(connection);
    const file = await readFolderFile(store.dataFolder);
    if (compareStore(identity, file).kind !== 'new') return;
    const known = file === null || file === 'unreadable' ? { store: randomUUID(), folder: randomUUID() } : file;
    const married = { store: known.store, folder: known.folder, revision: identity.revision };
    // The file before the commit: a folder that knows a database which does not know it is still new.
    await writeFolderFile(store.dataFolder, { ...married, revision: 0 });
    await writeIdentity(connection, married, seenNow(store));
  });
  await keepRevision(store);
  return examineStore(store);
}

/**
 * Makes a database and a data folder belong together whatever they say, because the operator wants it: the database gets
 * a new identity, so that neither its former folder nor a former state of it is taken for this pair.
 */
export async function adoptStore(store: StoreAndFolder): Promise<void> {
  await withTransaction(store.database, async (connection) => {
    const identity = await lockIdentity(connection);
    const found = await readFolderFile(store.dataFolder);
    const file = found === 'unreadable' ? null : found;
    const adopted = {
      store: randomUUID(),
      folder: file?.folder ?? randomUUID(),
      revision: Math.max(identity.revision, file?.revision ?? 0) + 1,
    };
    await leaveOutNumbers(connection);
    await writeIdentity(connection, adopted, seenNow(store));
    await writeFolderFile(store.dataFolder, adopted);
  });
}

/**
 * Makes sure, before something is written to them, that a database and a data folder may be used together. New ones may.
 * @param wait whether the activity is to be tried again until they may, instead of failing for good
 * @throws StoreBehind, StoreMismatch
 */
export async function requireStore(store: StoreAndFolder, wait = false): Promise<void> {
  const { complaint } = await examineStore(store);
  if (complaint === undefined) return;
  const { type, expected, found, remedy } = complaint;
  throw (wait ? waitingFailure : failure)(type, `Expected ${expected}, found ${found}. ${remedy}`);
}

/**
 * Runs work that makes a milestone durable: before it {@link requireStore}, after it the folder's file learns the
 * database's revision.
 */
export async function milestone<Result>(store: StoreAndFolder, work: () => Promise<Result>): Promise<Result> {
  await requireStore(store);
  const result = await work();
  await keepRevision(store);
  return result;
}

/** Key of the advisory lock under which folder files are raised. */
const RAISING = 7_309_553;

/**
 * Raises the revision in the folder's file to the database's, after a commit; it is never lowered. Where the folder is
 * new nothing is written.
 * @throws DiskFull
 */
export async function keepRevision({ database, dataFolder }: StoreAndFolder): Promise<void> {
  const isLower = async (): Promise<boolean> => {
    const file = await readFolderFile(dataFolder);
    if (file === null || file === 'unreadable') return false;
    const { store, revision } = await readIdentity(database);
    return file.store === store && file.revision < revision;
  };
  if (!(await isLower())) return;
  await withTransaction(database, async (connection) => {
    // One after the other, each with what is committed by then: a slow one must not write over a later one's.
    await connection.query('select pg_advisory_xact_lock($1)', [RAISING]);
    const { store, revision } = await readIdentity(connection);
    const file = await readFolderFile(dataFolder);
    if (file === null || file === 'unreadable' || file.store !== store || file.revision >= revision) return;
    await writeFolderFile(dataFolder, { ...file, revision });
  });
}

/** Whether the folder is also still where it was last seen on this machine: then it was not moved but copied. */
async function isCopied({ folderPath, folderHost, folder }: StoreIdentity, dataFolder: string): Promise<boolean> {
  if (folderPath === null || folderPath === dataFolder || folderHost !== hostname()) return false;
  const former = await readFolderFile(folderPath).catch(() => null);
  if (former === null || former === 'unreadable' || former.folder !== folder) return false;
  const [here, there] = await Promise.all([stat(dataFolder), stat(folderPath)]);
  return here.dev !== there.dev || here.ino !== there.ino;
}

const seenNow = ({ dataFolder }: StoreAndFolder): { path: string; host: string } => ({
  path: dataFolder,
  host: hostname(),
});
