import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultKind } from './faults.ts';
import type { Inject } from './inject/target.ts';
import type { PlannedFault, Stretch } from './schedule.ts';
import { whereabouts, type Whereabouts } from './whereabouts.ts';
import type { World } from './world.ts';

/** A fault that was put in. */
export interface InjectedFault {
  readonly kind: FaultKind;
  /** Seconds since the run was started. */
  readonly second: number;
  /** Where the run was. */
  readonly where: string;
  /** What was done, in a few words. */
  readonly what: string;
}

/** How a run under faults ended. */
export interface Driven {
  readonly status: string;
  readonly seconds: number;
  readonly injected: readonly InjectedFault[];
  /** Faults for which the run gave no opportunity, or that no step met. */
  readonly left: readonly FaultKind[];
}

export interface DriveInput {
  readonly world: World;
  readonly run: string;
  readonly stretches: readonly Stretch[];
  readonly schedule: readonly PlannedFault[];
  readonly inject: Readonly<Record<FaultKind, Inject>>;
  /** Problems of a benchmark. */
  readonly problems: number;
  readonly tell: (line: string) => void;
}

const LOOK_MILLISECONDS = 100;

/** Without a change of place or of work done, and without a fault put in, a run counts as stuck; milliseconds. */
const STUCK_MILLISECONDS = 300_000;

/** Words of a status at which a run does nothing more by itself. */
const ENDS: readonly string[] = ['Completed', 'Failed', 'Canceled', 'Parked'];

/**
 * Follows a run to its end and puts in each fault of the schedule when its point has come; one that finds nothing to
 * break waits for the next opportunity.
 */
export async function drive(input: DriveInput): Promise<Driven> {
  const { world, run, stretches, tell } = input;
  const waiting = [...input.schedule];
  const injected: InjectedFault[] = [];
  const later: Promise<void>[] = [];
  const began = performance.now();
  let moved = performance.now();
  let seen = '';
  let status = 'unknown';
  for (; ; await sleep(LOOK_MILLISECONDS)) {
    const where = await whereabouts(world.database, world.data, run, input.problems).catch(() => undefined);
    if (performance.now() - moved > STUCK_MILLISECONDS) status = `stuck in ${seen}`;
    if (status.startsWith('stuck')) break;
    if (where === undefined) continue;
    status = where.status;
    if (ENDS.includes(status)) break;
    const place = `${where.arm}/${where.iteration} ${where.phase} ${where.done.toFixed(3)}`;
    if (place !== seen) [seen, moved] = [place, performance.now()];
    const due = nextDue(waiting, stretches, where);
    if (due === undefined) continue;
    const { draw, kind } = due;
    const work = (promise: Promise<void>): void => void later.push(promise);
    let met: Promise<boolean> | undefined;
    const countsOnce = (promise: Promise<boolean>): void => void (met = promise);
    const target = { world, run, where, draw, later: work, countsOnce };
    const what = await input.inject[kind](target).catch((error: unknown) => {
      tell(`${kind} could not be put in now: ${String(error)}`);
      return null;
    });
    if (what === null) continue;
    waiting.splice(waiting.indexOf(due), 1);
    moved = performance.now();
    const second = Math.round((performance.now() - began) / 100) / 10;
    const count = (): void => {
      injected.push({ kind, second, where: place, what });
      const number = String(injected.length).padStart(3);
      tell(`${String(second).padStart(6)} s  ${number}  ${kind.padEnd(24)} ${place}  ${what}`);
    };
    if (met === undefined) count();
    else
      work(whenMet(met, count, () => void waiting.unshift(due), `${kind} of ${second} s was not met: ${what}`, tell));
  }
  await Promise.all(later);
  const seconds = Math.round((performance.now() - began) / 1000);
  return { status, seconds, injected, left: waiting.map(({ kind }) => kind) };
}

/** Counts a fault that a step has met; one that nothing met waits again. */
async function whenMet(
  met: Promise<boolean>,
  count: () => void,
  wait: () => void,
  notMet: string,
  tell: (line: string) => void,
): Promise<void> {
  if (await met) return count();
  tell(notMet);
  wait();
}

/** The first fault whose point the run has come to, or has passed in a stretch of the same phase. */
function nextDue(
  waiting: readonly PlannedFault[],
  stretches: readonly Stretch[],
  where: Whereabouts,
): PlannedFault | undefined {
  const now = stretches.findIndex(
    ({ arm, iteration, phase }) => arm === where.arm && iteration === where.iteration && phase === where.phase,
  );
  if (now < 0) return undefined;
  return waiting.find(
    ({ stretch, at }) =>
      (stretch === now && at <= where.done) || (stretch < now && stretches[stretch]?.phase === where.phase),
  );
}
