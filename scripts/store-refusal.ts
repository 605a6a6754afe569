import {
  adoptStore,
  examineStore,
  joinStore,
  type StoreAndFolder,
  type StoreExamination,
} from '../activities/store/data-folder.ts';
import { openDatabase } from '../activities/store/pool.ts';
import { OperatorError } from './operator-error.ts';

/**
 * What a command writes to: the `database` alone, so that a folder that says nothing of any is no contradiction; or to
 * `files` of the data folder too.
 */
export type StoreUse = 'database' | 'files';

/**
 * Makes sure that the database and the data folder may be used together as a command wants to.
 * @throws OperatorError that says what belongs together and what to do
 */
export async function requireStore(store: StoreAndFolder, use: StoreUse): Promise<void> {
  const examined = await examineStore(store);
  const { fit } = examined;
  if (use === 'database' && fit.kind === 'other-folder' && !fit.hasFile) return;
  refuse(examined);
}

/**
 * As {@link requireStore} before the two are worked with: new ones get to know each other.
 * @throws OperatorError
 */
export async function requireJoined(store: StoreAndFolder): Promise<void> {
  refuse(await joinStore(store));
}

/** As {@link requireStore} for work on files, by the database's URL. */
export async function requireByUrl(databaseUrl: string, dataFolder: string): Promise<void> {
  const database = openDatabase(databaseUrl, 2);
  try {
    await requireStore({ database, dataFolder }, 'files');
  } finally {
    await database.end();
  }
}

/** As {@link requireJoined} by the database's URL; with `adopt` the two belong together from now on whatever they say. */
export async function joinByUrl(databaseUrl: string, dataFolder: string, adopt: boolean): Promise<void> {
  const database = openDatabase(databaseUrl, 2);
  try {
    const store = { database, dataFolder };
    if (adopt && (await examineStore(store)).complaint !== undefined) await adoptStore(store);
    await requireJoined(store);
  } finally {
    await database.end();
  }
}

function refuse({ complaint }: StoreExamination): void {
  if (complaint === undefined) return;
  const { expected, found, remedy } = complaint;
  throw new OperatorError({ expected, found, remedy });
}
