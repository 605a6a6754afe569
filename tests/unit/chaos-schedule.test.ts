import { expect, it } from 'vitest';
import { FAULT_KINDS, faultEntry } from '../../scripts/chaos/faults.ts';
import { makeSchedule } from '../../scripts/chaos/schedule.ts';
import { stretchesOf } from '../../scripts/chaos/whereabouts.ts';

const STRETCHES = stretchesOf(2, ['k1']);

it('a seed gives the same faults at the same points again, and another seed gives others', () => {
  const schedule = (seed: number): unknown => makeSchedule(seed, 50, 'load', STRETCHES, FAULT_KINDS);
  expect(schedule(5)).toEqual(schedule(5));
  expect(schedule(5)).not.toEqual(schedule(6));
});

it('a hundred faults hold every kind that has a place in the run', () => {
  for (const run of ['load', 'real'] as const) {
    const drawn = new Set(makeSchedule(5, 100, run, STRETCHES, FAULT_KINDS).map(({ kind }) => kind));
    expect([...drawn].sort()).toEqual(FAULT_KINDS.filter((kind) => faultEntry(kind).runs.includes(run)).sort());
  }
});

it('no kind comes again before every kind has come', () => {
  const possible = FAULT_KINDS.filter((kind) => faultEntry(kind).runs.includes('load'));
  const drawn = makeSchedule(5, possible.length, 'load', STRETCHES, FAULT_KINDS).map(({ kind }) => kind);
  expect(new Set(drawn).size).toBe(possible.length);
});

it('faults come in the order of the run, each in a phase where it has a place', () => {
  const schedule = makeSchedule(5, 100, 'load', STRETCHES, FAULT_KINDS);
  const points = schedule.map(({ stretch, at }) => stretch + at);
  expect(points).toEqual([...points].sort((a, b) => a - b));
  for (const { kind, stretch } of schedule) expect(faultEntry(kind).phases).toContain(STRETCHES[stretch]?.phase);
});

it('a phase has a stretch left without faults, in which those come that the run had gone past', () => {
  const schedule = makeSchedule(5, 300, 'load', STRETCHES, FAULT_KINDS);
  for (const phase of ['e-step', 'm-step', 'evaluation'] as const) {
    const last = STRETCHES.findLastIndex((stretch) => stretch.phase === phase);
    expect(schedule.filter(({ stretch }) => stretch === last)).toEqual([]);
  }
});

it('a phase that comes once has all of its faults there', () => {
  const once = stretchesOf(1, []).filter(({ phase }) => phase === 'e-step');
  expect(once).toHaveLength(1);
  expect(makeSchedule(5, 10, 'load', once, ['pause'])).toHaveLength(10);
});

it('faults that have no place in the run are refused', () => {
  expect(() => makeSchedule(5, 1, 'real', STRETCHES, ['answer-nan'])).toThrow(RangeError);
});
