import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { faultEntry, type FaultKind, type FaultPhase, type RunKind } from './faults.ts';

/** A stretch of a run in which faults can be put. */
export interface Stretch {
  readonly arm: string;
  readonly iteration: number;
  readonly phase: FaultPhase;
}

/** One fault of a schedule. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** Index of the stretch, in the order in which the run comes through them. */
  readonly stretch: number;
  /** How much of the stretch's work is done when the fault comes, 0 … 1. */
  readonly at: number;
  /** For what the fault itself draws, e.g. which worker is meant; 0 … 2^31 − 1. */
  readonly draw: number;
}

/** Faults that cost a minute or more each, and therefore come once a run at most. */
const ONCE: readonly FaultKind[] = ['slow-submission', 'freeze-sampler'];

/** Latest point of a stretch: what comes later might find it finished. */
const LATEST = 0.9;

/**
 * The stretches in which a kind can come: a phase's last is left for what the run had gone past before the harness came to it,
 * busy with another fault.
 */
function placesOf(kind: FaultKind, stretches: readonly Stretch[]): number[] {
  return faultEntry(kind).phases.flatMap((phase) => {
    const all = stretches.flatMap((stretch, index) => (stretch.phase === phase ? [index] : []));
    return all.length > 1 ? all.slice(0, -1) : all;
  });
}

/**
 * Draws faults and when they come. Every kind that has a place in the run comes once before any comes again.
 *
 * @param kinds what may be drawn; kinds without a place in this run are left out
 * @returns `count` faults, by stretch and point; the same for the same arguments
 * @throws RangeError when none of the kinds has a place
 */
export function makeSchedule(
  seed: number,
  count: number,
  run: RunKind,
  stretches: readonly Stretch[],
  kinds: readonly FaultKind[],
): PlannedFault[] {
  const random = xoroshiro128plus(seed);
  const whole = (below: number): number => uniformInt(random, 0, below - 1);
  const places = (kind: FaultKind): number[] => placesOf(kind, stretches);
  const possible = kinds.filter((kind) => faultEntry(kind).runs.includes(run) && places(kind).length > 0);
  if (possible.length === 0)
    throw new RangeError(`Expected a fault that has a place in run ${run}, got ${kinds.join()}`);

  const faults: PlannedFault[] = [];
  let bag: FaultKind[] = [];
  while (faults.length < count) {
    if (bag.length === 0) bag = possible.filter((kind) => faults.length === 0 || !ONCE.includes(kind));
    if (bag.length === 0) bag = [...possible];
    const [kind] = bag.splice(whole(bag.length), 1) as [FaultKind];
    const among = places(kind);
    faults.push({
      kind,
      stretch: among[whole(among.length)] as number,
      at: uniformFloat64(random) * LATEST,
      draw: whole(2 ** 31),
    });
  }
  return faults.sort((a, b) => a.stretch - b.stretch || a.at - b.at);
}
