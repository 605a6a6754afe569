import type { Queryable } from './pool.ts';

/** What a database knows of itself and of the data folder it belongs to. */
export interface StoreIdentity {
  /** Id of the database; null until it is first used with a data folder. */
  readonly store: string | null;
  /** Id of its data folder; null with `store`. */
  readonly folder: string | null;
  /** Where the folder was last seen. */
  readonly folderPath: string | null;
  readonly folderHost: string | null;
  /** Counts durable milestones. */
  readonly revision: number;
  /** The database's own name and port, for people. */
  readonly name: string;
}

const COLUMNS = `store, folder, folder_path as "folderPath", folder_host as "folderHost", revision,
  current_database() || coalesce(' at port ' || inet_server_port(), '') as name`;

/** @throws Error when the one row is not there */
export async function readIdentity(database: Queryable): Promise<StoreIdentity> {
  return only(await database.query<StoreIdentity>(`select ${COLUMNS} from store_identity`));
}

/** As {@link readIdentity}, locked until the transaction ends: nobody else changes it meanwhile. */
export async function lockIdentity(connection: Queryable): Promise<StoreIdentity> {
  return only(await connection.query<StoreIdentity>(`select ${COLUMNS} from store_identity for update`));
}

function only({ rows }: { rows: StoreIdentity[] }): StoreIdentity {
  const [identity] = rows;
  if (identity === undefined) throw new Error('Expected one row in store_identity, found none: restore the database');
  return identity;
}

/** Writes which database this is and which data folder it belongs to. */
export async function writeIdentity(
  connection: Queryable,
  { store, folder, revision }: { readonly store: string; readonly folder: string; readonly revision: number },
  seen: { readonly path: string; readonly host: string },
): Promise<void> {
  await connection.query(
    'update store_identity set store = $1, folder = $2, revision = $3, folder_path = $4, folder_host = $5',
    [store, folder, revision, seen.path, seen.host],
  );
}

/** Notes where the data folder was seen last. */
export async function writeFolderSeen(database: Queryable, seen: { path: string; host: string }): Promise<void> {
  await database.query('update store_identity set folder_path = $1, folder_host = $2', [seen.path, seen.host]);
}

/**
 * Counts a durable milestone, in the transaction that makes it durable. To be called last there: it locks the one row
 * until the transaction ends. What follows the commit is `keepRevision`'s (data-folder.ts).
 */
export async function bumpRevision(connection: Queryable): Promise<void> {
  await connection.query('update store_identity set revision = revision + 1');
}

/** More E-steps than are planned between a backup and its return. */
const NUMBERS_LEFT_OUT = 100_000;

/**
 * Leaves out the numbers of E-steps that a lost, newer state of the database may have given: workflows carry them, and
 * one that was planned before must never be taken for one that is planned now.
 */
export async function leaveOutNumbers(connection: Queryable): Promise<void> {
  await connection.query(
    `select setval(pg_get_serial_sequence('e_steps', 'e_step'),
                   $1 + greatest((select last_value from e_steps_e_step_seq), (select max(e_step) from e_steps)))`,
    [NUMBERS_LEFT_OUT],
  );
}
