/** What a vLLM server says of itself on `/metrics` (names of vLLM 0.32; summed over engines). */
export interface ServerLoad {
  /** Sequences decoded at this moment. */
  readonly running: number;
  /** Sequences that wait for room. */
  readonly waiting: number;
  /** Share of the KV cache in use, 0…1; the fullest engine's. */
  readonly kvCache: number;
  /** Preemptions since the server started: sequences thrown out of the KV cache and done again. */
  readonly preemptions: number;
  /** Prompt and generated tokens since the server started: stands still when the engine hangs. */
  readonly tokens: number;
}

const LINE =
  /^vllm:(num_requests_running|num_requests_waiting|kv_cache_usage_perc|gpu_cache_usage_perc|num_preemptions_total|prompt_tokens_total|generation_tokens_total)(?:\{[^}]*\})? +(\S+)/gm;

/** Reads the Prometheus text of `/metrics`; null when it has none of the lines wanted. */
export function readServerLoad(metrics: string): ServerLoad | null {
  const load = { running: 0, waiting: 0, kvCache: 0, preemptions: 0, tokens: 0 };
  let found = false;
  for (const [, name, text] of metrics.matchAll(LINE)) {
    const value = Number(text);
    if (!Number.isFinite(value)) continue;
    found = true;
    switch (name) {
      case 'num_requests_running':
        load.running += value;
        break;
      case 'num_requests_waiting':
        load.waiting += value;
        break;
      case 'num_preemptions_total':
        load.preemptions += value;
        break;
      case 'prompt_tokens_total':
      case 'generation_tokens_total':
        load.tokens += value;
        break;
      default:
        load.kvCache = Math.max(load.kvCache, value);
    }
  }
  return found ? load : null;
}
