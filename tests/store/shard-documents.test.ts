import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { claimShard } from '../../activities/store/shards.ts';
import { shardDocuments } from '../../activities/store/thoughts.ts';
import { E_STEP, plannedEStep } from '../support/planned-e-step.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const DOCUMENTS = 1_200;
const SHARD_DOCUMENTS = 64;

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await createTestDatabase();
  // One connection: what it has read is told by the server after its own statements.
  database = openDatabase(test.url, 1);
});

afterAll(async () => {
  await database.end();
  await test.drop();
});

/** Rows of documents and cuts that were read so far, by index or not. */
async function rowsRead(): Promise<number> {
  await database.query('select pg_stat_force_next_flush()');
  const { rows } = await database.query<{ read: number }>(
    `select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::bigint as read from pg_stat_user_tables
     where relname in ('documents', 'cuts')`,
  );
  return rows[0]?.read ?? 0;
}

describe('reading the documents of a shard', () => {
  it('reads no more rows in a large corpus than its own pages have', async () => {
    const documents = Array.from({ length: DOCUMENTS }, () => ({ chunks: ['ab', 'c'] }));
    const input = await plannedEStep(database, documents, { ...E_STEP, shardDocuments: SHARD_DOCUMENTS });
    const claim = await claimShard(database, input.eStep, 7, 'test');
    const before = await rowsRead();
    const ordinals: number[] = [];
    for await (const { ordinal } of shardDocuments(database, claim)) ordinals.push(ordinal);
    expect(ordinals).toEqual(Array.from({ length: SHARD_DOCUMENTS }, (_, at) => 7 * SHARD_DOCUMENTS + at));
    // A page joins its 32 documents to its 32 cuts, at worst each to each; the corpus has 64 × 1,200 such pairs.
    expect((await rowsRead()) - before).toBeLessThan(SHARD_DOCUMENTS * 40);
  });
});
