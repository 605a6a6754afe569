import type { FolderFile } from './folder-file.ts';
import type { StoreIdentity } from './identity.ts';

/**
 * How a database and a data folder stand to each other.
 *
 *     new ── first use of both ──► fits ── database restored from an older backup ──► behind
 *
 * Everything else is a mistake of whoever put the two together; `adoptStore` (data-folder.ts) ends it on request.
 */
export type StoreFit =
  /** Neither was used yet. */
  | { readonly kind: 'new' }
  | { readonly kind: 'fits' }
  /** The folder has seen a later state of the database. */
  | { readonly kind: 'behind'; readonly revision: number; readonly seen: number }
  /** The database belongs to another folder. `hasFile`: whether this one has a file at all. */
  | { readonly kind: 'other-folder'; readonly hasFile: boolean; readonly path: string; readonly host: string }
  /** The folder belongs to another database. `home`: where the database's own folder is, when it has one. */
  | { readonly kind: 'other-database'; readonly home: { readonly path: string; readonly host: string } | null }
  /** The folder is a copy of the database's own, which is still at `path`. */
  | { readonly kind: 'copied'; readonly path: string }
  /** The folder's file is not one of ours. */
  | { readonly kind: 'unreadable' };

/** Compares what the database and the data folder say of each other. */
export function compareStore(identity: StoreIdentity, file: FolderFile | 'unreadable' | null): StoreFit {
  if (file === 'unreadable') return { kind: 'unreadable' };
  if (identity.store === null) {
    // A folder that has seen no milestone is one whose first use was cut off.
    return file === null || file.revision === 0 ? { kind: 'new' } : { kind: 'other-database', home: null };
  }
  const home = { path: identity.folderPath ?? 'an unknown path', host: identity.folderHost ?? 'an unknown host' };
  if (file === null) return { kind: 'other-folder', hasFile: false, ...home };
  if (file.store !== identity.store) return { kind: 'other-database', home };
  if (file.folder !== identity.folder) return { kind: 'other-folder', hasFile: true, ...home };
  if (file.revision > identity.revision) return { kind: 'behind', revision: identity.revision, seen: file.revision };
  return { kind: 'fits' };
}

/** Why a database and a data folder may not be used together, for people. */
export interface StoreComplaint {
  readonly type: 'StoreBehind' | 'StoreMismatch';
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;
}

const ADOPT = '`thoughtloop doctor --adopt` (`thoughtloop up --adopt` where `up` runs PostgreSQL)';

/**
 * What is wrong; undefined where nothing is.
 * @param database the database's name
 */
export function storeComplaint(fit: StoreFit, database: string, dataFolder: string): StoreComplaint | undefined {
  const nothing = 'Nothing was changed.';
  switch (fit.kind) {
    case 'new':
    case 'fits':
      return undefined;
    case 'behind':
      return {
        type: 'StoreBehind',
        expected: `database ${database} at revision ${fit.seen} or later, which data folder ${dataFolder} has seen`,
        found: `revision ${fit.revision}: it is older than the files, as one restored from a backup is`,
        remedy:
          `${nothing} Restore a newer backup of the database; where there is none, ` +
          `${ADOPT} goes on from the older one, and no file is overwritten.`,
      };
    case 'other-folder':
      return {
        type: 'StoreMismatch',
        expected: `the data folder of database ${database}, last seen at ${fit.path} on ${fit.host}`,
        found: `${dataFolder}, ${fit.hasFile ? 'which is another one' : 'without the store.json that the folder has'}`,
        remedy:
          `${nothing} Name that folder with --data or THOUGHTLOOP_DATA (a moved folder keeps its store.json), ` +
          `or another database with DATABASE_URL; ${ADOPT} gives the database to this folder.`,
      };
    case 'other-database':
      return {
        type: 'StoreMismatch',
        expected: `the database that data folder ${dataFolder} belongs to`,
        found:
          `${database}, ` +
          (fit.home === null
            ? 'which was never used with it'
            : `which belongs to the folder last seen at ${fit.home.path} on ${fit.home.host}, or is another state of it`),
        remedy:
          `${nothing} Mend DATABASE_URL, or name another folder with --data or THOUGHTLOOP_DATA; ` +
          `${ADOPT} makes the two belong together.`,
      };
    case 'copied':
      return {
        type: 'StoreMismatch',
        expected: `the data folder of database ${database} to be in one place`,
        found: `${dataFolder} and ${fit.path}, of which one is a copy of the other`,
        remedy: `${nothing} Use ${fit.path}, or move it away; ${ADOPT} gives the database to ${dataFolder} alone.`,
      };
    case 'unreadable':
      return {
        type: 'StoreMismatch',
        expected: `a store.json of thoughtloop's in data folder ${dataFolder}`,
        found: 'a file that is none',
        remedy: `${nothing} Restore the file; ${ADOPT} writes it anew.`,
      };
  }
}
