import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onceAborted } from '../../activities/vllm/once-aborted.ts';

describe('waiting for a signal', () => {
  it('takes one listener, however many wait', () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 100; i += 1) onceAborted(signal, () => undefined);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });

  it('tells each once, those not that have taken it back, even while others are told', () => {
    const controller = new AbortController();
    const told: string[] = [];
    const stops = ['a', 'b', 'c', 'd'].map((name) =>
      onceAborted(controller.signal, () => {
        told.push(name);
        if (name === 'c') stops[3]?.();
      }),
    );
    stops[1]?.();
    controller.abort();
    controller.abort();
    expect(told).toEqual(['a', 'c']);
  });
});
