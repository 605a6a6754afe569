import { RANGES_AT_ONCE } from './contract/limits.ts';
import type { DocumentRange, OpenRanges } from './contract/references.ts';
import type { Gate } from './gate.ts';
import { mapWindow } from './window.ts';

/** Cutting, writing, and each once more for what was lost meanwhile; after that one worker does what is left. */
const ROUNDS = 4;

/**
 * Asks for what is made of a whole split until it is there. Where the answer is that ranges of documents are open, they are
 * done by several workers at once before it is asked for again; while the gate is closed none begins.
 */
export async function madeInRanges<Made extends object>(
  gate: Gate,
  ask: (inRanges: boolean) => Promise<Made | OpenRanges>,
  work: (open: OpenRanges['open'], range: DocumentRange) => Promise<void>,
): Promise<Made> {
  for (let round = 1; ; round += 1) {
    const answer = await ask(round <= ROUNDS);
    if (!('ranges' in answer)) return answer;
    const { open, ranges } = answer;
    await mapWindow(ranges, RANGES_AT_ONCE, async (range) => {
      await gate.pass();
      await work(open, range);
    });
  }
}

/** What the Web UI shows of an activity on a range. */
export const rangeSummary = ({ from, to }: DocumentRange): string => `documents ${from}–${to - 1}`;
