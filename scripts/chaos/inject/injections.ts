import { FAULTS, faultEntry, type FaultKind } from '../faults.ts';
import { spoilAnswers } from './answers.ts';
import { fillDisk } from './full-disk.ts';
import { freeze } from './freezes.ts';
import { killEverything, killJob, killOfStack, killSupervisor, someSampler } from './kills.ts';
import { cancelAndStart, pauseAndResume } from './operator.ts';
import { jumpClock, slowSubmission, staleWeights } from './surroundings.ts';
import type { Inject } from './target.ts';

/** Longer than the heartbeat timeout of a shard: its worker is given up while it is frozen. */
const LOST_SECONDS = 35;

/** Shorter than any timeout: everybody waits. */
const HANGING_SECONDS = 5;

type AnswerKind = Extract<FaultKind, `answer-${string}` | `status-${string}`>;

/** @param start starts the run again, as the operator does after a cancellation. */
export function injections(start: () => Promise<void>): Record<FaultKind, Inject> {
  const answers = Object.fromEntries(
    (Object.keys(FAULTS) as FaultKind[]).flatMap((kind) => {
      const { answer } = faultEntry(kind);
      return answer === undefined ? [] : [[kind, spoilAnswers(answer)]];
    }),
  ) as Record<AnswerKind, Inject>;
  return {
    ...answers,
    'kill-sampler': killOfStack(someSampler),
    'kill-control': killOfStack('control'),
    'kill-cluster': killOfStack('cluster'),
    'kill-evaluator': killOfStack('evaluator'),
    'kill-temporal': killOfStack('temporal'),
    'kill-postgres': killOfStack('postgres'),
    'kill-supervisor': killSupervisor,
    'kill-everything': killEverything,
    'kill-server': killJob('server', 'program'),
    'kill-server-runner': killJob('server', 'runner'),
    'kill-trainer': killJob('training', 'program'),
    'kill-trainer-runner': killJob('training', 'runner'),
    'freeze-sampler': freeze(someSampler, LOST_SECONDS),
    'freeze-postgres': freeze(() => 'postgres', HANGING_SECONDS),
    'freeze-temporal': freeze(() => 'temporal', HANGING_SECONDS),
    'stale-weights': staleWeights,
    'clock-jump': jumpClock,
    'disk-full': fillDisk,
    'slow-submission': slowSubmission,
    pause: pauseAndResume,
    cancel: cancelAndStart(start),
  };
}
