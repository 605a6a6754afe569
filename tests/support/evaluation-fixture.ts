import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dependencies } from '../../activities/dependencies.ts';
import { problemFilePath } from '../../activities/evaluation/problem-file.ts';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { servedModelName, type Place } from '../../workflows/contract/ids.ts';
import type { BenchmarkSettings } from '../../workflows/contract/recipe.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { FakeVllmServer, type FakeServerOptions } from './fake-vllm-server.ts';
import { createTestDatabase } from './postgres.ts';
import type { ToyLanguageModel } from './toy-language-model.ts';
import { writeToyModel, type ToyModelOptions } from './toy-model.ts';

export const RUN = 'toy';
export const PLACE: Place = { run: RUN, arm: 'latent', iteration: 1 };
export const FLEET = 'toy/i1/eval/latent-0/fleet';

/** A run in a database and a data folder of its own, whose toy checkpoints fake servers serve. */
export interface EvaluationFixture extends Dependencies {
  readonly databaseUrl: string;
  /** Writes a checkpoint with the digest made of `name`. */
  addCheckpoint(name: string, options?: ToyModelOptions): Promise<{ ref: CheckpointRef; language: ToyLanguageModel }>;
  /** Starts a server and lists it as ready, in place of the one before. */
  serve(ref: CheckpointRef, options?: Partial<FakeServerOptions>): Promise<FakeVllmServer>;
  /** Writes a benchmark's file into the data folder. */
  addProblems(name: string, lines: readonly object[]): Promise<Pick<BenchmarkSettings, 'file' | 'digest'>>;
  /** Imports documents as a split of corpus `toy`. */
  addSplit(
    split: string,
    documents: readonly { readonly context: string | null; readonly text: string }[],
  ): Promise<void>;
  close(): Promise<void>;
}

export async function createEvaluationFixture(): Promise<EvaluationFixture> {
  const testDatabase = await createTestDatabase();
  const { url } = testDatabase;
  const dataFolder = await mkdtemp(join(tmpdir(), 'thoughtloop-evaluation-'));
  const database: Database = openDatabase(url);
  const servers: FakeVllmServer[] = [];
  await mkdir(join(dataFolder, 'benchmarks'));
  await database.query(
    `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration)
     values ($1, '{}', 'none', 'Running', 'evaluation', 'latent', 1)`,
    [RUN],
  );

  return {
    database,
    dataFolder,
    databaseUrl: url,
    python: 'none',

    async addCheckpoint(name, options) {
      const digest = createHash('sha256').update(name).digest('hex');
      const folder = `runs/${RUN}/${name}`;
      const language = await writeToyModel(join(dataFolder, folder), options);
      return { ref: { key: name, digest, folder }, language };
    },

    async serve(ref, options = {}) {
      const servedName = servedModelName(RUN, PLACE.iteration, ref.digest);
      const server = await FakeVllmServer.start({
        model: join(dataFolder, ref.folder, 'model'),
        servedName,
        ...options,
      });
      servers.push(server);
      await database.query(
        `insert into servers (fleet, slot, generation, run, model, url, state) values ($1, 0, 0, $2, $3, $4, 'ready')
         on conflict (fleet, slot) do update set model = excluded.model, url = excluded.url`,
        [FLEET, RUN, servedName, server.url],
      );
      return server;
    },

    async addProblems(name, lines) {
      const content = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      const digest = createHash('sha256').update(content).digest('hex');
      await writeFile(problemFilePath(dataFolder, digest), content);
      return { file: `${name}.jsonl`, digest };
    },

    async addSplit(split, documents) {
      const { rows } = await database.query<{ corpus: number; source: number }>(
        `with named as (
           insert into corpora (name) values ('toy') on conflict (name) do update set name = excluded.name returning corpus
         )
         insert into corpus_sources (corpus, split, file, digest, bytes, state, documents, imported_at)
         select corpus, $1, $1, $1, 1, 'imported', $2, '2020-01-01' from named returning corpus, source`,
        [split, documents.length],
      );
      for (const [ordinal, { context, text }] of documents.entries()) {
        await database.query(
          'insert into documents (corpus, split, ordinal, source, context, text) values ($1, $2, $3, $4, $5, $6)',
          [rows[0]?.corpus, split, ordinal, rows[0]?.source, context, text],
        );
      }
    },

    async close() {
      await Promise.all(servers.map((server) => server.stop()));
      await database.end();
      await testDatabase.drop();
      await rm(dataFolder, { recursive: true });
    },
  };
}
