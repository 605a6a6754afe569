import type { RunEvent } from './queries/events.ts';

/** A stretch of time in which a run was in one phase. */
export interface PhaseInterval {
  readonly arm: string;
  readonly iteration: number;
  /** The phase, or `parked` and `paused` while it waited. */
  readonly phase: string;
  readonly from: Date;
  readonly to: Date;
}

/** The text of an event that says where a run is: `arm, iteration t, phase`, with a cause behind it where there is one. */
const PLACE = /^(\S+), iteration (\d+), ([\w-]+)/;

/**
 * The phases of a run one after another, from its events.
 * @param end when the last phase ended, or now where it has not
 */
export function phaseIntervals(events: readonly RunEvent[], end: Date): PhaseInterval[] {
  const marks = events.flatMap(({ at, kind, message }) => {
    const place = PLACE.exec(message);
    if (place === null) return [];
    const [, arm = '', iteration = '0', phase = ''] = place;
    const waits = kind === 'parked' || kind === 'paused';
    return [{ at, arm, iteration: Number(iteration), phase: waits ? kind : phase, last: kind === 'completed' }];
  });
  return marks.flatMap(({ at, arm, iteration, phase, last }, index) => {
    const to = marks[index + 1]?.at ?? end;
    return last || to <= at ? [] : [{ arm, iteration, phase, from: at, to }];
  });
}
