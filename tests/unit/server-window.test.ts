import { describe, expect, it } from 'vitest';
import { readServerLoad } from '../../activities/vllm/server-load.ts';
import {
  SMALLEST_WINDOW,
  windowAfterLook,
  windowAfterRefusal,
  type OwnWork,
  type Window,
} from '../../activities/vllm/window.ts';

const idle = { running: 100, waiting: 0, kvCache: 0.3, preemptions: 0, tokens: 1 };
const window: Window = { size: 100, preemptions: 0, seeking: false };
const own = (outstanding: number, finished = 100): OwnWork => ({ outstanding, finished, largest: 4 });

describe('the window of a server', () => {
  it('grows while the server keeps up and the window is the limit', () => {
    expect(windowAfterLook(window, idle, own(100)).size).toBeGreaterThan(100);
  });

  it('is the limit where one more request does not fit', () => {
    const small = { ...window, size: 23 };
    expect(windowAfterLook(small, idle, own(20)).size).toBeGreaterThan(23);
    expect(windowAfterLook(small, idle, own(16)).size).toBe(23);
    expect(windowAfterLook(small, idle, { ...own(16), largest: 8 }).size).toBeGreaterThan(23);
  });

  it('does not grow while less than the window is used or a queue is there', () => {
    expect(windowAfterLook(window, idle, own(50)).size).toBe(100);
    expect(windowAfterLook(window, { ...idle, waiting: 30 }, own(100)).size).toBe(100);
  });

  it('grows at a full cache as long as nothing waits: what does not fit waits, and shows', () => {
    expect(windowAfterLook(window, { ...idle, kvCache: 1 }, own(100)).size).toBeGreaterThan(100);
  });

  it('doubles until the server first has enough, and only on what the server is seen to run', () => {
    const seeking = { ...window, seeking: true };
    expect(windowAfterLook(seeking, idle, own(100))).toEqual({ size: 200, preemptions: 0, seeking: true });
    expect(windowAfterLook(seeking, { ...idle, running: 10 }, own(100)).size).toBeLessThan(200);
    for (const enough of [{ waiting: 30 }, { kvCache: 0.95 }, { preemptions: 1 }, { waiting: 80 }]) {
      const after = windowAfterLook(seeking, { ...idle, ...enough }, own(100));
      expect(after.seeking).toBe(false);
      expect(windowAfterLook({ ...after, size: 100 }, { ...idle, preemptions: 1 }, own(100)).size).toBeLessThan(200);
    }
    expect(windowAfterRefusal(seeking).seeking).toBe(false);
  });

  it('takes a request or two that wait at a small server for no queue', () => {
    const small = { ...window, size: 20 };
    expect(windowAfterLook(small, { ...idle, running: 12, waiting: 8 }, own(20)).size).toBeGreaterThan(20);
    const large = { ...idle, running: 16, waiting: 24 };
    expect(windowAfterLook({ ...window, size: 40 }, large, { ...own(40), largest: 16 }).size).toBeGreaterThan(40);
    expect(windowAfterLook({ ...window, size: 40 }, large, own(40)).size).toBeLessThan(40);
  });

  it('shrinks when more than a tenth of what is finished was thrown out of the cache, once for each', () => {
    const once = windowAfterLook(window, { ...idle, preemptions: 3 }, own(100, 20));
    expect(once).toEqual({ size: 90, preemptions: 3, seeking: false });
    expect(windowAfterLook(once, { ...idle, preemptions: 3 }, own(60, 20)).size).toBe(90);
    expect(windowAfterLook(window, { ...idle, preemptions: 1 }, own(60, 0)).size).toBe(90);
  });

  it('takes few preemptions for a cache that is well filled', () => {
    expect(windowAfterLook(window, { ...idle, kvCache: 1, preemptions: 3 }, own(100, 30)).size).toBeGreaterThan(100);
  });

  it('takes preemptions from before its first look for granted', () => {
    expect(windowAfterLook({ ...window, preemptions: null }, { ...idle, preemptions: 50 }, own(10))).toEqual({
      size: 100,
      preemptions: 50,
      seeking: false,
    });
  });

  it('shrinks towards what runs when much waits, and no further than to the least', () => {
    expect(windowAfterLook(window, { ...idle, running: 40, waiting: 60 }, own(100)).size).toBe(70);
    let shrunk: Window = window;
    for (let i = 0; i < 30; i += 1)
      shrunk = { ...shrunk, ...windowAfterLook(shrunk, { ...idle, running: 1, waiting: 90 }, own(90)) };
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
