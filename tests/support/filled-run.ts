import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cutSplit, resolveSplit } from '../../activities/corpus/cut-split.ts';
import { importFile } from '../../activities/corpus/import.ts';
import { weigh } from '../../activities/e-step/weights.ts';
import { select } from '../../activities/e-step/selection.ts';
import { selectionDraw } from '../../activities/e-step/seeds.ts';
import { writeEStep } from '../../activities/store/e-steps.ts';
import type { Database } from '../../activities/store/pool.ts';
import { startRun } from '../../activities/store/runs.ts';
import type { Place } from '../../workflows/contract/ids.ts';
import type { Metric } from '../../workflows/contract/references.ts';
import { writeMicro } from '../../scripts/corpora/micro.ts';
import { runningSums } from '../../scripts/corpora/running-sums.ts';
import { loadRecipe, type LoadedRecipe } from '../../scripts/recipe/load.ts';

const RECIPE = fileURLToPath(new URL('../../deploy/recipes/micro.toml', import.meta.url));

/** A run in the store with everything a run leaves, made up: figures like those of the micro setting. */
export interface FilledRun {
  readonly run: string;
  readonly dataFolder: string;
  readonly corpusFolder: string;
  readonly loaded: LoadedRecipe;
  /** Removes its folders; the store is the test's. */
  remove(): Promise<void>;
}

interface MadeModel extends Omit<Place, 'run'> {
  readonly accuracy: number;
  readonly elbo: number | null;
  readonly nll: number;
  readonly ess: number | null;
  readonly minute: number;
}

const MODELS: readonly MadeModel[] = [
  { arm: 'latent', iteration: 0, accuracy: 0.718, elbo: -4.36, nll: 6.1, ess: null, minute: 3 },
  { arm: 'latent', iteration: 1, accuracy: 0.755, elbo: -1.21, nll: 4.2, ess: 3.4, minute: 9 },
  { arm: 'latent', iteration: 2, accuracy: 0.8, elbo: -1.0, nll: 4.0, ess: 3.6, minute: 15 },
  { arm: 'k1', iteration: 1, accuracy: 0.68, elbo: -2.2, nll: 4.4, ess: null, minute: 19 },
  { arm: 'k1', iteration: 2, accuracy: 0.64, elbo: -2.37, nll: 4.5, ess: 1, minute: 24 },
  { arm: 'control', iteration: 1, accuracy: 0.677, elbo: -4.91, nll: 6.3, ess: null, minute: 27 },
  { arm: 'raw-token', iteration: 2, accuracy: 0.13, elbo: null, nll: 1.95, ess: null, minute: 30 },
  { arm: 'raw-flop', iteration: 2, accuracy: 0.13, elbo: null, nll: 1.95, ess: null, minute: 33 },
];

const START = Date.parse('2026-03-02T09:00:00Z');
const at = (minute: number): Date => new Date(START + minute * 60_000);

/** Makes a corpus and fills the store with a finished run of the micro recipe. */
export async function fillRun(database: Database, changes: readonly string[] = []): Promise<FilledRun> {
  const folder = await mkdtemp(join(tmpdir(), 'thoughtloop-run-'));
  const [corpusFolder, dataFolder] = [join(folder, 'micro'), join(folder, 'data')];
  await writeMicro(corpusFolder);
  await mkdir(dataFolder);
  for (const split of ['teacher', 'em', 'held-out']) {
    await importFile(database, { file: join(corpusFolder, `${split}.jsonl`), corpus: 'micro', split });
  }
  const loaded = await loadRecipe(RECIPE, { variables: { data: corpusFolder }, set: changes });
  const run = loaded.recipe.name;
  await startRun(database, { run, recipe: loaded.recipe, digest: loaded.digest });
  for (const [trial, model] of MODELS.entries()) await writeModel(database, run, model, trial);
  await fillEStep(database, loaded, { run, arm: 'latent', iteration: 1 }, 3);
  await fillEStep(database, loaded, { run, arm: 'latent', iteration: 2 }, 9);
  await fillEStep(database, loaded, { run, arm: 'k1', iteration: 2 }, 19);
  await fillMachinery(database, run, dataFolder);
  await database.query(
    `update runs set status = 'Completed', phase = 'done', arm = 'raw-flop', iteration = 2, created_at = $2,
            updated_at = $3, ended_at = $3 where run = $1`,
    [run, at(0), at(33)],
  );
  return { run, dataFolder, corpusFolder, loaded, remove: () => rm(folder, { recursive: true }) };
}

async function writeModel(database: Database, run: string, model: MadeModel, index: number): Promise<void> {
  const { arm, iteration, minute, ess } = model;
  const place = [run, arm, iteration];
  const key = `${run}/${arm}/i${iteration}/m`;
  const sampled = arm === 'latent' && iteration > 0;
  const summary =
    ess === null && !(arm === 'k1' && iteration === 1)
      ? null
      : {
          essMean: ess ?? 3.4,
          elboMean: model.elbo,
          sampledTokens: sampled ? 30_112 : 7_544,
          seconds: 104,
          chunks: 1500,
        };
  await database.query(
    `insert into checkpoints (key, run, arm, iteration, trial, digest, folder, steps, tokens, loss, seconds, created_at)
     values ($4, $1, $2, $3, 0, $5, $4, 900, $6, 1.21, 61.5, $7)`,
    [...place, key, String(index).repeat(64), 18_000 * (30 + index), at(minute)],
  );
  await database.query(
    `insert into training_sets (run, arm, iteration, folder, digest, documents, chunks, tokens, raw_tokens)
     values ($1, $2, $3, $4, $5, 1500, 1500, 31000, 19000)`,
    [...place, key, 'b'.repeat(64)],
  );
  await database.query(
    `insert into iterations (run, arm, iteration, e_step_summary, started_at, ended_at) values ($1, $2, $3, $4, $5, $6)`,
    [...place, summary === null ? null : JSON.stringify(summary), at(minute - 3), at(minute)],
  );
  const accuracy: Metric = {
    name: 'accuracy',
    value: model.accuracy,
    standardError: Math.sqrt((model.accuracy * (1 - model.accuracy)) / 400),
    n: 400,
  };
  const likelihoods: Metric[] = [{ name: 'nll', value: model.nll, standardError: 0.05, n: 200 }];
  if (model.elbo !== null) likelihoods.push({ name: 'elbo', value: model.elbo, standardError: 0.12, n: 200 });
  for (const [benchmark, metrics] of [
    ['sums', [accuracy]],
    ['held-out', likelihoods],
  ] as const) {
    await database.query(
      `insert into evaluations (evaluation, run, arm, iteration, trial, benchmark, checkpoint, settings, metrics, finished_at)
       values ($4, $1, $2, $3, 0, $5, $6, '{}', $7, $8)`,
      [...place, `${key}/${benchmark}`, benchmark, 'c'.repeat(64), JSON.stringify(metrics), at(minute)],
    );
  }
}

/** Documents of the split that get thoughts; the others stay without a row. */
const FILLED = 300;

async function fillEStep(database: Database, { recipe }: LoadedRecipe, place: Place, minute: number): Promise<void> {
  const split = await resolveSplit(database, { name: 'micro', split: 'em' }, place.run);
  const segmentation = await cutSplit(database, split, recipe.segmentation, () => undefined);
  const samples = place.arm === 'k1' ? 1 : recipe.eStep.samples;
  const { eStep } = await writeEStep(
    database,
    { place, corpus: split, segmentation, checkpoint: 'd'.repeat(64), samples },
    recipe.eStep.shardDocuments,
  );
  const contexts = await database.query<{ ordinal: number; context: string }>(
    `select ordinal, context from documents where corpus = $1 and split = 'em' and ordinal < $2 order by ordinal`,
    [split.corpus, FILLED],
  );
  for (const { ordinal, context } of contexts.rows) {
    if (ordinal % 97 === 96) {
      await database.query(
        `insert into chunk_results (e_step, document, chunk, rejection, rounds, prefix_chunks, scored_tokens)
         values ($1, $2, 0, 'no finished thought', 2, 0, 0)`,
        [eStep, ordinal],
      );
      continue;
    }
    await fillChunk(database, eStep, place.iteration, ordinal, context, samples);
  }
  await database.query(
    `update shards set lease = case when shard = 3 then 2 else 1 end, holder = 'sampler', claimed_at = $2,
            finished_at = $2::timestamptz + make_interval(secs => 7 * (shard + 1)), counts = '{}' where e_step = $1`,
    [eStep, at(minute)],
  );
  const summary = {
    essMean: 3.4,
    elboMean: -1.2,
    sampledTokens: 30_112,
    scoredTokens: 121_000,
    requests: 7_500,
    seconds: 104,
    chunks: 1500,
    rejected: 3,
    thoughtTokensMean: 5.1,
  };
  await database.query(`update e_steps set created_at = $2, finished_at = $3, summary = $4 where e_step = $1`, [
    eStep,
    at(minute),
    at(minute + 1.75),
    JSON.stringify(summary),
  ]);
}

async function fillChunk(
  database: Database,
  eStep: number,
  iteration: number,
  document: number,
  context: string,
  samples: number,
): Promise<void> {
  const digits = [...context.matchAll(/\d/g)].map(([digit]) => Number(digit));
  const candidates = Array.from({ length: samples }, (_, candidate) => {
    const draw = selectionDraw({ seed: candidate, iteration, document, chunk: 0 });
    const right = draw < 0.6;
    const sums = runningSums(right ? digits : digits.map((digit) => (digit + document) % 7), 7);
    const logQ = -0.4 - 2 * draw;
    return { text: ` Then ${sums.join(' ')}`, logQ, logP: logQ - (right ? 0.4 : 2.5) - draw };
  });
  const weights = weigh(candidates);
  const selected = select(weights.probabilities, selectionDraw({ seed: 9, iteration, document, chunk: 0 }));
  await database.query(
    `insert into chunk_results (e_step, document, chunk, selected, rounds, prefix_chunks, ess, elbo, scored_tokens, server)
     values ($1, $2, 0, $3, 1, 0, $4, $5, 80, 'http://127.0.0.1:1')`,
    [eStep, document, selected, weights.effectiveSampleSize, weights.elbo],
  );
  for (const [candidate, { text, logQ, logP }] of candidates.entries()) {
    await database.query(
      `insert into thoughts (e_step, document, chunk, candidate, token_ids, text, log_q, log_p, finish, selected)
       values ($1, $2, 0, $3, '{1,2,3}', $4, $5, $6, 'stop', $7)`,
      // One hostile thought: what a model writes must never become part of a page.
      [
        eStep,
        document,
        candidate,
        document === 0 ? `<script>alert(1)</script>${text}` : text,
        logQ,
        logP,
        candidate === selected,
      ],
    );
  }
}

async function fillMachinery(database: Database, run: string, dataFolder: string): Promise<void> {
  const events: readonly (readonly [number, string, string])[] = [
    [0, 'running', 'latent, iteration 0, base'],
    [0.4, 'running', 'latent, iteration 0, training-set'],
    [0.5, 'running', 'latent, iteration 0, m-step'],
    [1.6, 'running', 'latent, iteration 0, evaluation'],
    [3, 'running', 'latent, iteration 1, e-step'],
    [5.5, 'running', 'latent, iteration 1, m-step'],
    [6, 'parked', 'latent, iteration 1, m-step: TrainingFailed: CUDA out of memory <at> step 12'],
    [7, 'decided', 'm-step: retry {}'],
    [7, 'running', 'latent, iteration 1, m-step'],
    [8, 'running', 'latent, iteration 1, evaluation'],
    [9, 'running', 'latent, iteration 2, e-step'],
    [12, 'running', 'latent, iteration 2, m-step'],
    [13.5, 'running', 'latent, iteration 2, evaluation'],
    [15, 'running', 'k1, iteration 1, m-step'],
    [19, 'running', 'k1, iteration 2, e-step'],
    [22, 'running', 'k1, iteration 2, m-step'],
    [24, 'running', 'control, iteration 1, m-step'],
    [27, 'running', 'raw-token, iteration 2, m-step'],
    [30, 'running', 'raw-flop, iteration 2, m-step'],
    [33, 'completed', 'raw-flop, iteration 2, done'],
  ];
  for (const [minute, kind, message] of events) {
    await database.query('insert into events (run, at, kind, message) values ($1, $2, $3, $4)', [
      run,
      at(minute),
      kind,
      message,
    ]);
  }
  const folder = `runs/${run}/i1/m/latent-0/g0`;
  await mkdir(join(dataFolder, folder), { recursive: true });
  await writeFile(
    join(dataFolder, folder, 'progress.jsonl'),
    [100, 200, 300]
      .map((step) =>
        JSON.stringify({ step, steps: 900, loss: 2.5 - step / 300, tokensPerSecond: 17_950, at: at(6).toISOString() }),
      )
      .join('\n'),
  );
  await database.query(
    `insert into jobs (key, run, cluster, kind, folder, handle, state, reason, created_at, ended_at) values
       ($2, $1, 'process', 'training', $3, '{"restarts": 0}', 'succeeded', null, $4, $5),
       ($6, $1, 'process', 'server', 'runs/x', '{}', 'failed', 'ended by SIGKILL', $4, $5)`,
    [run, `${run}/i1/m/latent-0/g0`, folder, at(5.5), at(8), `${run}/i1/fleet/0/g0`],
  );
}
