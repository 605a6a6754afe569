import { rowsOfRun } from '../../store/lineage.ts';
import type { Queryable } from '../../store/pool.ts';

/** An E-step whose distributions are shown. */
export interface EStepLine {
  readonly eStep: number;
  /** The run that sampled. */
  readonly run: string;
  /** Whether that is a run that this one was forked from. */
  readonly inherited: boolean;
  readonly arm: string;
  readonly iteration: number;
  readonly samples: number;
  readonly chunks: number;
  readonly documents: number;
  readonly checkpoint: string;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  readonly summary: Record<string, number> | null;
}

/** One bar: values from `from` up to `to` (exclusive, but for the last). */
export interface HistogramBin {
  readonly arm: string;
  readonly iteration: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Rejected chunks of one reason. */
export interface RejectionLine {
  readonly arm: string;
  readonly iteration: number;
  readonly reason: string;
  readonly chunks: number;
}

/** E-steps of a run, shared ones included, in the order they were planned. */
export async function eStepsOf(database: Queryable, run: string): Promise<EStepLine[]> {
  const { rows } = await database.query<EStepLine>(
    `select e_step as "eStep", run, inherited, arm, iteration, samples, chunks, documents, checkpoint, created_at as "createdAt",
            finished_at as "finishedAt", summary
       from ${rowsOfRun('e_steps')} e order by e_step`,
    [run],
  );
  return rows;
}

/** Rows read for a histogram: enough for its shape, at once on an E-step of millions of chunks. */
const SAMPLED_ROWS = 100_000;

const BINS = 20;

/** Effective sample sizes of an E-step's chunks, 1 … K in twenty bins. */
export async function essHistogram(database: Queryable, step: EStepLine): Promise<HistogramBin[]> {
  if (step.samples === 1) return [];
  const { rows } = await database.query<{ bin: number; count: number }>(
    `select least(width_bucket(ess, 1, $2, ${BINS}), ${BINS}) as bin, count(*) as count
       from (select greatest(ess, 1) as ess from chunk_results where e_step = $1 and ess is not null limit ${SAMPLED_ROWS})
         as sampled
      group by bin order by bin`,
    [step.eStep, step.samples],
  );
  return binned(step, rows, 1, step.samples);
}

/**
 * Log weights of an E-step's candidates less their chunk's mean, nats: how much the K candidates of a chunk differ. In
 * twenty bins between the 1st and the 99th hundredth; what lies outside is in the outermost.
 */
export async function logWeightHistogram(database: Queryable, step: EStepLine): Promise<HistogramBin[]> {
  const { rows } = await database.query<{ bin: number; count: number; low: number; high: number }>(
    `with sampled as (
       select document, chunk, log_p - log_q as w from thoughts
        where e_step = $1 and log_p is not null limit ${SAMPLED_ROWS}
     ),
     centred as (select w - avg(w) over (partition by document, chunk) as w from sampled),
     bounds as (
       select percentile_cont(0.01) within group (order by w) as low, percentile_cont(0.99) within group (order by w) as high
         from centred
     )
     select greatest(1, least(${BINS}, width_bucket(w, low, high, ${BINS}))) as bin, count(*) as count, low, high
       from centred, bounds where low < high group by bin, low, high order by bin`,
    [step.eStep],
  );
  const [first] = rows;
  return first === undefined ? [] : binned(step, rows, first.low, first.high);
}

function binned(
  { arm, iteration }: EStepLine,
  rows: readonly { readonly bin: number; readonly count: number }[],
  low: number,
  high: number,
): HistogramBin[] {
  const width = (high - low) / BINS;
  return rows.map(({ bin, count }) => ({
    arm,
    iteration,
    from: low + (bin - 1) * width,
    to: low + bin * width,
    count,
  }));
}

/** Rejected chunks by reason, for all E-steps of a run. */
export async function rejectionsOf(database: Queryable, run: string): Promise<RejectionLine[]> {
  const { rows } = await database.query<RejectionLine>(
    `select e.arm, e.iteration, r.rejection as reason, count(*) as chunks
       from ${rowsOfRun('e_steps')} e join chunk_results r using (e_step)
      where r.rejection is not null
      group by e.e_step, e.arm, e.iteration, r.rejection order by e.e_step, chunks desc`,
    [run],
  );
  return rows;
}
