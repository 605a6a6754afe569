import { expect, test } from 'vitest';
import { AnswerTimes } from '../../activities/vllm/answer-times.ts';

function timesOf(count: number, milliseconds: number): AnswerTimes {
  const times = new AnswerTimes();
  for (let answer = 0; answer < count; answer += 1) times.answered('sample', milliseconds);
  return times;
}

test('a request is overdue after ten times the slowest of its kind, and no other kind tells of it', () => {
  const times = timesOf(20, 100);
  times.answered('sample', 400);
  expect(times.overdue('sample', 3_900)).toBe(false);
  expect(times.overdue('sample', 4_100)).toBe(true);
  expect(times.overdue('score', 1e9)).toBe(false);
});

test('a few answers tell nothing', () => {
  expect(timesOf(7, 1).overdue('sample', 1e9)).toBe(false);
  expect(timesOf(8, 1).overdue('sample', 1e9)).toBe(true);
});

test('the slowest of long ago is forgotten', () => {
  const times = timesOf(8, 10_000);
  for (let answer = 0; answer < 1_000; answer += 1) times.answered('sample', 10);
  expect(times.overdue('sample', 1_000)).toBe(true);
});
