import { describe, expect, it } from 'vitest';
import { readServerLoad } from '../../activities/vllm/server-load.ts';
import { SMALLEST_WINDOW, windowAfterLook, windowAfterRefusal, type Window } from '../../activities/vllm/window.ts';
import { FairQueue } from '../../activities/vllm/fair-queue.ts';

const idle = { running: 100, waiting: 0, kvCache: 0.3, preemptions: 0, tokens: 1 };
const window: Window = { size: 100, preemptions: 0, seeking: false };

describe('the window of a server', () => {
  it('grows while the server keeps up and the window is the limit', () => {
    expect(windowAfterLook(window, idle, 100).size).toBeGreaterThan(100);
  });

  it('does not grow while less than the window is used, the cache is nearly full, or a queue begins', () => {
    expect(windowAfterLook(window, idle, 50).size).toBe(100);
    expect(windowAfterLook(window, { ...idle, kvCache: 0.95 }, 100).size).toBe(100);
    expect(windowAfterLook(window, { ...idle, waiting: 20 }, 100).size).toBe(100);
  });

  it('doubles until the server first has enough, and only on what the server is seen to run', () => {
    const seeking = { ...window, seeking: true };
    expect(windowAfterLook(seeking, idle, 100)).toEqual({ size: 200, preemptions: 0, seeking: true });
    expect(windowAfterLook(seeking, { ...idle, running: 10 }, 100).size).toBeLessThan(200);
    for (const enough of [{ waiting: 20 }, { kvCache: 0.95 }, { preemptions: 1 }, { waiting: 80 }]) {
      const after = windowAfterLook(seeking, { ...idle, ...enough }, 100);
      expect(after.seeking).toBe(false);
      expect(windowAfterLook({ ...after, size: 100 }, { ...idle, preemptions: 1 }, 100).size).toBeLessThan(200);
    }
    expect(windowAfterRefusal(seeking).seeking).toBe(false);
  });

  it('takes a request or two that wait at a small server for no queue', () => {
    expect(windowAfterLook({ ...window, size: 20 }, { ...idle, running: 12, waiting: 8 }, 20).size).toBeGreaterThan(20);
  });

  it('shrinks by a factor on a preemption, once for each', () => {
    const once = windowAfterLook(window, { ...idle, preemptions: 3 }, 100);
    expect(once).toEqual({ size: 85, preemptions: 3, seeking: false });
    expect(windowAfterLook(once, { ...idle, preemptions: 3 }, 60).size).toBe(85);
  });

  it('takes preemptions from before its first look for granted', () => {
    expect(windowAfterLook({ ...window, preemptions: null }, { ...idle, preemptions: 50 }, 10)).toEqual({
      size: 100,
      preemptions: 50,
      seeking: false,
    });
  });

  it('shrinks towards what runs when much waits, and no further than to the least', () => {
    expect(windowAfterLook(window, { ...idle, running: 40, waiting: 60 }, 100).size).toBe(70);
    let shrunk: Window = window;
    for (let i = 0; i < 30; i += 1)
      shrunk = { ...shrunk, ...windowAfterLook(shrunk, { ...idle, running: 1, waiting: 90 }, 90) };
    expect(shrunk.size).toBe(SMALLEST_WINDOW);
  });

  it('shrinks on a refusal', () => {
    expect(windowAfterRefusal(window).size).toBe(70);
  });
});

describe('/metrics of vLLM', () => {
  it('adds up engines and leaves the by-reason series out', () => {
    const text = [
      '# HELP vllm:num_requests_running x',
      'vllm:num_requests_running{engine="0",model_name="m"} 3.0',
      'vllm:num_requests_running{engine="1",model_name="m"} 4.0',
      'vllm:num_requests_waiting{engine="0",model_name="m"} 2.0',
      'vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 2.0',
      'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25',
      'vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.5',
      'vllm:num_preemptions_total{engine="0",model_name="m"} 1.0',
      'vllm:num_preemptions_created{engine="0",model_name="m"} 1.7954546286900492e+09',
      'vllm:prompt_tokens_total{engine="0",model_name="m"} 1.5e+03',
      'vllm:generation_tokens_total{engine="0",model_name="m"} 10.0',
    ].join('\n');
    expect(readServerLoad(text)).toEqual({ running: 7, waiting: 2, kvCache: 0.5, preemptions: 1, tokens: 1510 });
  });

  it('of a server that has none is null', () => {
    expect(readServerLoad('python_gc_objects_collected_total 3.0\n')).toBeNull();
  });
});

describe('the queue of waiting requests', () => {
  it('serves groups in turn and one group in order', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', item);
    queue.push('b', 'b1');
    queue.push('c', 'c1');
    expect(queue.peek()).toBe('a1');
    expect(Array.from({ length: 5 }, () => queue.shift())).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
    expect(queue.shift()).toBeUndefined();
  });

  it('forgets what was taken out', () => {
    const queue = new FairQueue<string>();
    queue.push('a', 'a1');
    queue.push('a', 'a2');
    expect(queue.remove('a', 'a1')).toBe(true);
    expect(queue.remove('a', 'a1')).toBe(false);
    expect(queue.size).toBe(1);
    expect(queue.shift()).toBe('a2');
    expect(queue.peek()).toBeUndefined();
  });
});
