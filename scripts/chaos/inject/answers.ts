import { MOST_SPOILED, type AnswerFault } from '../faults.ts';
import type { Inject } from './target.ts';

/** One ready server of the run answers its next requests wrongly. */
export function spoilAnswers(fault: AnswerFault): Inject {
  return async ({ world, run, draw }) => {
    const { rows } = await world.database.query<{ url: string }>(
      `select url from servers where run = $1 and state = 'ready' and url is not null order by fleet, slot`,
      [run],
    );
    const url = rows[draw % Math.max(1, rows.length)]?.url;
    if (url === undefined) return null;
    const times = 1 + (draw % MOST_SPOILED);
    try {
      const body = JSON.stringify({ ...fault, times });
      const { ok } = await fetch(`${url}/fault`, { method: 'POST', body, signal: AbortSignal.timeout(5_000) });
      return ok ? `${times} requests to ${url}` : null;
    } catch {
      // The store lists a server that an earlier fault has just killed.
      return null;
    }
  };
}
