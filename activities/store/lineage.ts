import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import { BASE_ARM } from './checkpoints.ts';

/** Tables whose rows belong to a run, an arm and an iteration. */
type PlacedTable = 'checkpoints' | 'e_steps' | 'evaluations' | 'iterations' | 'training_sets';

/**
 * The rows of a table that a run has, as an item of a `from` clause: those of its own, and those of the EM loop that it
 * shares with the runs it was forked from (directly or through other forks). Each keeps the name of the run that made it
 * in `run`; `inherited` says whether that is another one. Arms of comparison are never shared.
 *
 * Every statement that asks for what a run has reads its tables through this.
 * @param run SQL of the run's name
 */
export function rowsOfRun(table: PlacedTable, run = '$1'): string {
  return `(
    select placed.*, placed.run <> ${run} as inherited
      from ${table} placed join lineage(${run}) line on line.owner = placed.run
     where case when placed.arm in ('${MAIN_ARM}', '${BASE_ARM}') then placed.iteration between line.first and line.last
                else placed.run = ${run} end)`;
}

/** SQL of the run at which a run's lineage began: itself, where it is no fork. */
export const firstOfLineage = (run: string): string => `(select owner from lineage(${run}) where first = 0)`;
