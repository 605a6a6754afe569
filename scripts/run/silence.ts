import { duration } from '../../activities/report/quantities.ts';
import type { RunOverview } from './overview.ts';

/** Time without progress after which people are told, seconds: longer than one request may take by default. */
const TOLD_SECONDS = 600;

/**
 * That a run makes no progress, and what it waits for; null where it does, or is not meant to: paused, parked, over.
 * `no progress for 42 min: last chunk made durable 42 min ago, waits for a server (fleet micro/i1/fleet: 1 starting)`
 */
export function silence(
  overview: Pick<RunOverview, 'run' | 'progress' | 'servers' | 'jobs' | 'sampling'>,
): string | null {
  const { run, progress } = overview;
  if (run.status !== 'Running' || progress.seconds < TOLD_SECONDS) return null;
  return `no progress for ${duration(progress.seconds)}: last ${progress.what}, waits for ${waitsFor(overview)}`;
}

/** What the phase cannot go on without. */
function waitsFor({ run, servers, jobs, sampling }: Parameters<typeof silence>[0]): string {
  const models = jobs.filter(({ kind }) => kind !== 'server');
  if (models.length > 0)
    return models.map(({ key, state, cluster }) => `job ${key} (${state} on ${cluster})`).join(', ');
  if (run.phase === 'e-step' && sampling === null) return 'the plan of the E-step';
  if (run.phase === 'e-step' && sampling?.finishedShards === sampling?.shards) return 'the E-step to be added up';
  if (run.phase !== 'e-step' && run.phase !== 'evaluation') return `the end of ${run.phase}`;
  const ready = servers.filter(({ state }) => state === 'ready');
  if (ready.length > 0) return `answers of ${ready.map(({ url }) => url).join(', ')}`;
  return servers.length === 0 ? 'a server: none is there' : `a server: ${servers.length} starting`;
}
