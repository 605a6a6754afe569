import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../activities/vllm/fair-queue.ts';

const drained = (queue: FairQueue<string>): string[] => {
  const items: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
};

describe('the queue of waiting requests', () => {
  it('serves groups in turn and one group in order', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3']) queue.push({ group: 'a' }, item);
    queue.push({ group: 'b' }, 'b1');
    queue.push({ group: 'c' }, 'c1');
    expect(queue.peek()).toBe('a1');
    expect(drained(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
    expect(queue.shift()).toBeUndefined();
  });

  it('serves what is urgent before the rest of its group, and not before other groups', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2']) queue.push({ group: 'a' }, item);
    for (const item of ['b1', 'b2']) queue.push({ group: 'b' }, item);
    queue.push({ group: 'b', urgent: true }, 'b score');
    queue.push({ group: 'b', urgent: true }, 'b next score');
    expect(queue.size).toBe(6);
    expect(drained(queue)).toEqual(['a1', 'b score', 'a2', 'b next score', 'b1', 'b2']);
  });

  it('gives every second turn to the lowest order, so that shards that began together do not end together', () => {
    const queue = new FairQueue<string>();
    for (const order of [7, 3, 5]) {
      for (let item = 0; item < 20; item += 1) queue.push({ group: `g${order}`, order }, `${order} ${item}`);
    }
    const turns = Array.from({ length: 20 }, () => queue.shift());
    const of = (order: string): number => turns.filter((item) => item?.startsWith(order)).length;
    expect(of('3')).toBeGreaterThanOrEqual(10);
    expect(of('5')).toBeGreaterThanOrEqual(4);
    expect(of('7')).toBeGreaterThanOrEqual(4);
    expect(drained(queue)).toHaveLength(40);
  });

  it('shows the item that it gives next', () => {
    const queue = new FairQueue<string>();
    for (const [group, order] of [
      ['a', 2],
      ['b', 1],
    ] as const) {
      for (let item = 0; item < 3; item += 1) queue.push({ group, order }, `${group}${item}`);
    }
    for (let left = queue.size; left > 0; left -= 1) {
      const shown = queue.peek();
      expect(queue.shift()).toBe(shown);
    }
  });

  it('forgets what was taken out', () => {
    const queue = new FairQueue<string>();
    queue.push({ group: 'a' }, 'a1');
    queue.push({ group: 'a' }, 'a2');
    queue.push({ group: 'a', urgent: true }, 'a3');
    expect(queue.remove('a', 'a1')).toBe(true);
    expect(queue.remove('a', 'a1')).toBe(false);
    expect(queue.remove('a', 'a3')).toBe(true);
    expect(queue.size).toBe(1);
    expect(queue.shift()).toBe('a2');
    expect(queue.peek()).toBeUndefined();
  });
});
