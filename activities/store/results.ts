import { HELD_OUT } from '../../workflows/contract/recipe.ts';
import type { Metric } from '../../workflows/contract/references.ts';
import { rowsOfRun } from './lineage.ts';
import type { Queryable } from './pool.ts';

/** What a benchmark came to for one model. */
export interface BenchmarkResult {
  readonly benchmark: string;
  /** Share of problems answered rightly. */
  readonly accuracy: number | null;
  readonly standardError: number | null;
  /** Problems. */
  readonly n: number;
}

/** One trained model and what is known of it; null = not measured, or not yet. */
export interface Result {
  /** The run that made it. */
  readonly run: string;
  /** Whether that is a run that this one was forked from. */
  readonly inherited: boolean;
  readonly arm: string;
  readonly iteration: number;
  readonly trial: number;
  /** Of the recipe's first benchmark. */
  readonly accuracy: number | null;
  readonly standardError: number | null;
  /** Problems of that benchmark. */
  readonly n: number | null;
  /** elbo_K of a held-out document, nats. */
  readonly elbo: number | null;
  readonly elboStandardError: number | null;
  /** Negative log likelihood of a held-out document in raw form, nats. */
  readonly nll: number | null;
  readonly nllStandardError: number | null;
  /** Mean effective sample size of the weights whose choice the model was trained on, 1 … K. */
  readonly ess: number | null;
  /** Tokens this training saw, all passes. */
  readonly trainingTokens: number;
  /** Tokens sampled for its training set; 0 where the thoughts were the teacher's or another arm's, or there are none. */
  readonly sampledTokens: number;
  /** Seconds of sampling and of training. */
  readonly seconds: number;
  readonly loss: number;
  readonly benchmarks: readonly BenchmarkResult[];
}

interface ResultRow {
  readonly run: string;
  readonly inherited: boolean;
  readonly arm: string;
  readonly iteration: number;
  readonly trial: number;
  readonly tokens: number;
  readonly loss: number;
  readonly seconds: number;
  readonly ess: number | null;
  readonly sampledTokens: number | null;
  readonly samplingSeconds: number | null;
  readonly evaluations: readonly { readonly benchmark: string; readonly metrics: readonly Metric[] | null }[];
}

/**
 * What a run has come to: a row a trained model, shared ones included, the EM loop first, arms in the order of the recipe.
 * @throws nothing of its own; an unknown run has no rows
 */
export async function results(database: Queryable, run: string): Promise<Result[]> {
  const { rows } = await database.query<ResultRow>(
    `with recipe as (select recipe from runs where run = $1),
     arms as (
       select 'latent' as arm, 0::bigint as place, null::int as samples
       union all
       select item->>'name', place, (item->>'samples')::int
         from recipe, jsonb_array_elements(recipe->'arms') with ordinality as arm (item, place)
     ),
     -- Of a training that was decided to be tried again, the last one counts.
     models as (
       select distinct on (arm, iteration, trial) * from ${rowsOfRun('checkpoints')} c
        where steps > 0 order by arm, iteration, trial, created_at desc
     )
     select m.run, m.inherited, m.arm, m.iteration, m.trial, m.tokens, m.loss, m.seconds,
       -- An arm that shares another's thoughts has no E-step of its own; of a single thought the ESS is 1.
       case when e.e_step is not null then (i.e_step_summary->>'essMean')::float8
            when i.e_step_summary is not null and arms.samples = 1 then 1 end as ess,
       case when e.e_step is not null then (i.e_step_summary->>'sampledTokens')::float8 end as "sampledTokens",
       case when e.e_step is not null then (i.e_step_summary->>'seconds')::float8 end as "samplingSeconds",
       coalesce((
         select json_agg(json_build_object('benchmark', v.benchmark, 'metrics', v.metrics))
           from evaluations v
          where v.run = m.run and v.arm = m.arm and v.iteration = m.iteration and v.trial = m.trial
            and v.finished_at is not null
       ), '[]') as evaluations
     from models m
       left join arms using (arm)
       left join iterations i on i.run = m.run and i.arm = m.arm and i.iteration = m.iteration
       left join e_steps e on e.run = m.run and e.arm = m.arm and e.iteration = m.iteration
     order by arms.place nulls last, m.arm, m.iteration, m.trial`,
    [run],
  );
  const order = await benchmarkOrder(database, run);
  return rows.map((row) => toResult(row, order));
}

/** Names of the run's benchmarks as the recipe orders them. */
async function benchmarkOrder(database: Queryable, run: string): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `select item->>'name' as name from runs,
       jsonb_array_elements(recipe->'evaluation'->'benchmarks') with ordinality as benchmark (item, place)
     where run = $1 order by place`,
    [run],
  );
  return rows.map(({ name }) => name);
}

function toResult(row: ResultRow, order: readonly string[]): Result {
  const metric = (benchmark: string, name: string): Metric | undefined =>
    row.evaluations.find((evaluation) => evaluation.benchmark === benchmark)?.metrics?.find((m) => m.name === name);
  const benchmarks = order.flatMap((benchmark) => {
    const accuracy = metric(benchmark, 'accuracy');
    if (accuracy === undefined) return [];
    return [{ benchmark, accuracy: accuracy.value, standardError: accuracy.standardError, n: accuracy.n }];
  });
  const first = benchmarks.find(({ benchmark }) => benchmark === order[0]);
  const elbo = metric(HELD_OUT, 'elbo');
  const nll = metric(HELD_OUT, 'nll');
  return {
    run: row.run,
    inherited: row.inherited,
    arm: row.arm,
    iteration: row.iteration,
    trial: row.trial,
    accuracy: first?.accuracy ?? null,
    standardError: first?.standardError ?? null,
    n: first?.n ?? null,
    elbo: elbo?.value ?? null,
    elboStandardError: elbo?.standardError ?? null,
    nll: nll?.value ?? null,
    nllStandardError: nll?.standardError ?? null,
    ess: row.ess,
    trainingTokens: row.tokens,
    sampledTokens: row.sampledTokens ?? 0,
    seconds: row.seconds + (row.samplingSeconds ?? 0),
    loss: row.loss,
    benchmarks,
  };
}
