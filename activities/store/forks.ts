import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import type { CheckpointRef } from '../../workflows/contract/references.ts';
import { BASE_ARM } from './checkpoints.ts';
import { rowsOfRun } from './lineage.ts';
import type { Queryable } from './pool.ts';

/** Where a fork begins: after a finished iteration of the EM loop of another run. */
export interface ForkPoint {
  readonly run: string;
  /** 0 = after the warm start. */
  readonly iteration: number;
}

/** A model of the EM loop, and the run that made it. */
export interface OwnedModel {
  readonly run: string;
  readonly checkpoint: CheckpointRef;
}

/** What a fork shares with its source: the base model and M_0 … M_k, each of its first trial. */
export interface SharedModels {
  readonly base: OwnedModel;
  readonly models: readonly [OwnedModel, ...OwnedModel[]];
}

/** Iterations of a run's EM loop that are finished, shared ones included, in order. */
export async function finishedIterations(database: Queryable, run: string): Promise<number[]> {
  const { rows } = await database.query<{ iteration: number }>(
    `select i.iteration from ${rowsOfRun('iterations')} i
      where i.arm = $2 and i.ended_at is not null and exists (
        select from checkpoints c where c.run = i.run and c.arm = i.arm and c.iteration = i.iteration and c.trial = 0)
      order by i.iteration`,
    [run, MAIN_ARM],
  );
  return rows.map(({ iteration }) => iteration);
}

/**
 * The models that a run has up to an iteration of its EM loop.
 * @throws Error when one is not there, which a finished iteration rules out
 */
export async function sharedModels(database: Queryable, { run, iteration }: ForkPoint): Promise<SharedModels> {
  // Of a training that was decided to be tried again, the last one counts.
  const { rows } = await database.query<{ arm: string; run: string; checkpoint: CheckpointRef }>(
    `select distinct on (arm, iteration) arm, run,
            json_build_object('key', key, 'digest', digest, 'folder', folder) as checkpoint
       from ${rowsOfRun('checkpoints')} c
      where arm in ($2, $3) and iteration <= $4 and trial = 0
      order by arm, iteration, created_at desc`,
    [run, MAIN_ARM, BASE_ARM, iteration],
  );
  const owned = (wanted: string): OwnedModel[] =>
    rows.filter(({ arm }) => arm === wanted).map(({ run: owner, checkpoint }) => ({ run: owner, checkpoint }));
  const [base] = owned(BASE_ARM);
  const [first, ...models] = owned(MAIN_ARM);
  if (base === undefined || first === undefined || models.length !== iteration) {
    throw new Error(
      `Expected the base model and M_0 … M_${iteration} of run ${run} in the store, found ${rows.length} models`,
    );
  }
  return { base, models: [first, ...models] };
}
