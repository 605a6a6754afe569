import type { CorpusSplit } from '../../../activities/store/corpora.ts';
import { addUpEStep, countRejections, eStepRef, readEStep } from '../../../activities/store/e-steps.ts';
import { countCuts, firstUncut, readCuts } from '../../../activities/store/cuts.ts';
import { batchEnd, readDocuments } from '../../../activities/store/documents.ts';
import type { Database } from '../../../activities/store/pool.ts';
import { readScores, readSelectedThoughts } from '../../../activities/store/selected-thoughts.ts';
import { claimShard, finishShard, holdLease, type ShardClaim } from '../../../activities/store/shards.ts';
import { durableChunks, shardDocuments } from '../../../activities/store/thoughts.ts';
import { lastProgress } from '../../../activities/report/queries/last-progress.ts';
import { samplingProgress } from '../../../activities/report/queries/sampling-progress.ts';
import type { Place } from '../../../workflows/contract/ids.ts';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, makeCorpus, planBench } from '../bench-corpus.ts';
import { explainedDatabase, type Explained } from '../explained-database.ts';
import { median, type BenchResult, type Figure } from '../figure.ts';
import { World } from '../world.ts';

/**
 * What the statements of an E-step look at with 10⁷ thoughts in its partition, over what they do with 10⁴: `explain (analyze,
 * buffers)` of the very statements, as their functions send them. Those over a shard or a batch must not grow; those over a
 * whole E-step or split grow with it.
 */
export const statements: Bench = {
  what: 'time, rows and pages of the hot statements with 10⁴ and with 10⁷ thoughts',
  run: measure,
};

const CHUNKS = 8;
const { samples: SAMPLES, shardDocuments: SHARD_DOCUMENTS } = BENCH_E_STEP;
const BATCH = 200;

/** Times each statement is run, each time on another shard or batch. */
const REPETITIONS = 5;

/** An E-step that is filled. */
interface Filled {
  readonly run: string;
  readonly eStep: number;
  readonly corpus: CorpusSplit;
  readonly segmentation: string;
}

interface Statement {
  readonly over: 'shard' | 'whole';
  /** Sends it. @param claim a shard; a batch begins where it does */
  readonly send: (database: Database, filled: Filled, claim: ShardClaim) => Promise<unknown>;
}

const place = ({ run }: Filled): Place => ({ run, arm: 'latent', iteration: 1 });
const batch = ({ firstDocument: from }: ShardClaim): [number, number] => [from, from + BATCH];

/** By what they are for. Those that write with COPY have no plan. */
const STATEMENTS: Readonly<Record<string, Statement>> = {
  'claim a shard': {
    over: 'shard',
    send: (database, { eStep }, { shard }) => claimShard(database, eStep, shard, 'bench'),
  },
  'chunks that are durable': { over: 'shard', send: (database, _, claim) => durableChunks(database, claim) },
  "a page of a shard's documents": {
    over: 'shard',
    send: (database, _, claim) => shardDocuments(database, claim).next(),
  },
  'hold a lease': { over: 'shard', send: (database, _, claim) => holdLease(database, claim) },
  'close a shard': { over: 'shard', send: (database, _, claim) => finishShard(database, claim) },
  'end of a batch of documents': {
    over: 'shard',
    send: (database, { corpus }, claim) => batchEnd(database, corpus, claim.firstDocument, BATCH),
  },
  'a batch of documents': {
    over: 'shard',
    send: (database, { corpus }, claim) => readDocuments(database, corpus, ...batch(claim)),
  },
  'their cuts': {
    over: 'shard',
    send: (database, { corpus, segmentation }, claim) => readCuts(database, corpus, segmentation, ...batch(claim)),
  },
  'their selected thoughts': {
    over: 'shard',
    send: (database, { eStep }, claim) => readSelectedThoughts(database, eStep, ...batch(claim)),
  },
  'scores of their first candidates': {
    over: 'shard',
    send: (database, { eStep }, claim) => readScores(database, eStep, ...batch(claim), SAMPLES - 1),
  },
  'the first document not cut of a range': {
    over: 'shard',
    send: (database, { corpus, segmentation }, claim) =>
      firstUncut(database, corpus, segmentation, { from: claim.firstDocument, to: claim.lastDocument }),
  },
  'how far sampling is': { over: 'whole', send: (database, filled) => samplingProgress(database, place(filled)) },
  'when the run last got on': { over: 'whole', send: (database, { run }) => lastProgress(database, '/', run) },
  'shards of a plan': {
    over: 'whole',
    send: async (database, { eStep }) => {
      const row = await readEStep(database, eStep);
      if (row !== null) await eStepRef(database, row);
    },
  },
  'cuts of a split': {
    over: 'whole',
    send: (database, { corpus, segmentation }) => countCuts(database, corpus, segmentation, 4_000),
  },
  'add an E-step up': { over: 'whole', send: (database, { eStep }) => addUpEStep(database, eStep) },
  'rejections by reason': { over: 'whole', send: (database, { eStep }) => countRejections(database, eStep) },
};

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const world = await World.start();
  try {
    const sizes = quick ? [12_800, 25_600] : [10_000, 10_000_000];
    const filled: Filled[] = [];
    for (const thoughts of sizes) filled.push(await fill(world.database, thoughts));
    await world.database.query('vacuum analyze');
    const [small, large] = filled as [Filled, Filled];
    const measured: Record<string, Record<string, Explained>> = {};
    const figures: Figure[] = [];
    for (const [name, statement] of Object.entries(STATEMENTS)) {
      const [few, many] = [
        await explain(world.database, statement, small),
        await explain(world.database, statement, large),
      ];
      measured[name] = Object.fromEntries([few, many].map((explained, index) => [String(sizes[index]), explained]));
      const [one, other] = [few, many].map(
        ({ milliseconds, rows, pages }) => `${milliseconds.toFixed(2)} ms, ${rows.toFixed(0)} rows, ${pages} pages`,
      );
      tell(`  ${name}: ${one}, then ${other}`);
      figures.push({
        name,
        value: many.rows / few.rows,
        unit: '× rows',
        of: `rows looked at with ${sizes[1]} thoughts over those with ${sizes[0]}: ${other}`,
        ...(statement.over === 'shard' ? { target: { atMost: 1.1 } } : {}),
      });
    }
    return { figures, measured };
  } finally {
    await world.stop();
  }
}

/** Medians over shards that lie evenly in the E-step. */
async function explain(database: Database, { send }: Statement, filled: Filled): Promise<Explained> {
  const shards = Math.floor(filled.corpus.documents / SHARD_DOCUMENTS);
  const found: Explained[] = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    const shard = Math.floor((repetition * shards) / REPETITIONS);
    const claim = await claimShard(database, filled.eStep, shard, 'bench');
    const sent: Explained[] = [];
    await send(
      explainedDatabase(database, (explained) => void sent.push(explained)),
      filled,
      claim,
    );
    const sum = (of: (explained: Explained) => number): number => sent.reduce((all, each) => all + of(each), 0);
    found.push({
      milliseconds: sum(({ milliseconds }) => milliseconds),
      rows: sum(({ rows }) => rows),
      pages: sum(({ pages }) => pages),
    });
  }
  const middle = (of: (explained: Explained) => number): number => median(found.map(of));
  return {
    milliseconds: middle(({ milliseconds }) => milliseconds),
    rows: middle(({ rows }) => rows),
    pages: middle(({ pages }) => pages),
  };
}

/** An E-step of so many thoughts of 31 ids, all of its shards finished. */
async function fill(database: Database, thoughts: number): Promise<Filled> {
  const run = `statements-${thoughts}`;
  const documents = Math.ceil(thoughts / SAMPLES / CHUNKS);
  await makeCorpus(database, run, { documents, chunks: CHUNKS, letters: 64 });
  const { eStep } = await planBench(database, run, run, BENCH_E_STEP);
  const of = `from e_steps join cuts using (corpus, split, segmentation), generate_series(0, cardinality(ends) - 1) as chunk`;
  await database.query(
    `insert into chunk_results (e_step, document, chunk, selected, rounds, prefix_chunks, ess, elbo, scored_tokens)
     select e_step, ordinal, chunk, 0, 1, 0, 1, '{-5,-4,-3,-2}', 10 ${of} where e_step = $1`,
    [eStep],
  );
  await database.query(
    `insert into thoughts (e_step, document, chunk, candidate, token_ids, text, log_q, log_p, finish, selected)
     select e_step, ordinal, chunk, candidate, array_fill(ordinal % 1000, array[31]), md5(ordinal::text), -40, -60, 'stop',
       candidate = 0 ${of}, generate_series(0, $2 - 1) as candidate where e_step = $1`,
    [eStep, SAMPLES],
  );
  await database.query(
    `update shards set finished_at = now(), written_at = now(), counts = '{"sampledTokens": 7, "scoredTokens": 11, "requests": 3}' where e_step = $1`,
    [eStep],
  );
  const row = await readEStep(database, eStep);
  if (row === null) throw new Error(`Expected E-step ${eStep}, found none`);
  const { corpus, split, segmentation } = row;
  return { run, eStep, corpus: { corpus, name: run, split, documents: row.documents }, segmentation };
}
