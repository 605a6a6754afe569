import { adoptStore, examineStore, type StoreExamination } from '../../activities/store/data-folder.ts';
import { openDatabase } from '../../activities/store/pool.ts';
import { right, wrong, type Check } from './check.ts';

/**
 * Whether the database and the data folder belong together.
 * @param adopt makes them belong together where they do not.
 */
export async function storeCheck(databaseUrl: string, dataFolder: string, adopt: boolean): Promise<Check> {
  const database = openDatabase(databaseUrl, 2);
  try {
    const store = { database, dataFolder };
    const examined = await examineStore(store);
    if (examined.complaint === undefined || !adopt) return checkOf(examined, dataFolder);
    await adoptStore(store);
    return checkOf(await examineStore(store), dataFolder, ' (just now)');
  } finally {
    await database.end();
  }
}

function checkOf({ fit, complaint }: StoreExamination, dataFolder: string, since = ''): Check {
  const name = 'store and files';
  if (complaint !== undefined) {
    return wrong(name, `expected ${complaint.expected}, found ${complaint.found}`, complaint.remedy);
  }
  return right(name, fit.kind === 'new' ? 'not used together yet' : `belong together: ${dataFolder}${since}`);
}
