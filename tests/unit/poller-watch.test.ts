import { expect, it } from 'vitest';
import { GONE_MILLISECONDS, PollerWatch } from '../../scripts/stack/poller-watch.ts';
import type { QueuePollers } from '../../scripts/stack/task-queue-pollers.ts';

/** The server's clock says otherwise than this machine's, by years. */
const SERVER = Date.parse('2001-01-01T00:00:00Z');

const queues = (asked: Readonly<Record<string, number>>): QueuePollers[] => [
  {
    queue: 'queue',
    pollers: Object.entries(asked).map(([identity, at]) => ({ identity, version: 'v', lastAsked: SERVER + at })),
  },
  { queue: 'other', pollers: [] },
];

const identities = (found: readonly QueuePollers[]): string[] =>
  found.flatMap(({ pollers }) => pollers).map(({ identity }) => identity);

it('one look tells the gone from those there by when others asked, whatever this machine’s clock says', () => {
  const watch = new PollerWatch();
  const found = watch.there(queues({ gone: 0, idle: 20_000, fresh: GONE_MILLISECONDS + 1_000 }));
  expect(identities(found)).toEqual(['idle', 'fresh']);
  expect(found.map(({ queue }) => queue)).toEqual(['queue', 'other']);
});

it('where nobody asks any more, looks over the time that a worker may be silent tell that they are gone', () => {
  let now = 5_000;
  const watch = new PollerWatch(() => now);
  expect(identities(watch.there(queues({ last: 60_000, before: 30_000 })))).toEqual(['last', 'before']);
  now += GONE_MILLISECONDS - 10_000;
  expect(identities(watch.there(queues({ last: 60_000, before: 30_000 })))).toEqual(['last']);
  now += 11_000;
  expect(identities(watch.there(queues({ last: 60_000, before: 30_000 })))).toEqual([]);
});

it('a worker that goes on asking is there, however long it is watched', () => {
  let now = 0;
  const watch = new PollerWatch(() => now);
  for (; now < 10 * GONE_MILLISECONDS; now += 60_000) {
    expect(identities(watch.there(queues({ living: now })))).toEqual(['living']);
  }
});
