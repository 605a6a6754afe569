import type { World } from '../world.ts';
import type { Whereabouts } from '../whereabouts.ts';

/** What a fault is put into. */
export interface Target {
  readonly world: World;
  readonly run: string;
  readonly where: Whereabouts;
  /** For what the fault draws itself. */
  readonly draw: number;
  /** Work that goes on after the fault was put in, e.g. the end of a freeze; waited for at the end of the run. */
  readonly later: (work: Promise<void>) => void;
  /**
   * For a fault that is laid out for a step to run into: it counts once `met` says so, and is put in again where nothing
   * met it. Bounded by the fault itself.
   */
  readonly countsOnce: (met: Promise<boolean>) => void;
}

/** Puts a fault in. @returns what was done, in a few words; null where there is nothing to put it into now. */
export type Inject = (target: Target) => Promise<string | null>;
