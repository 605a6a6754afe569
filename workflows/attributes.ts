import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import type { Place } from './contract/ids.ts';
import type { Phase, RunStatus } from './contract/search-attributes.ts';

const RUN = defineSearchAttributeKey('ThoughtloopRun', 'KEYWORD');
const ITERATION = defineSearchAttributeKey('ThoughtloopIteration', 'INT');
const PHASE = defineSearchAttributeKey('ThoughtloopPhase', 'KEYWORD');
export const STATUS_ATTRIBUTE = defineSearchAttributeKey('ThoughtloopStatus', 'KEYWORD');

/** The search attributes of a workflow at its place in the run. */
export function placeAttributes(place: Place, phase: Phase, status: RunStatus): SearchAttributePair[] {
  return [
    { key: RUN, value: place.run },
    { key: ITERATION, value: place.iteration },
    { key: PHASE, value: phase },
    { key: STATUS_ATTRIBUTE, value: status },
  ];
}
