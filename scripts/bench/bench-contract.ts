import type { BenchResult } from './figure.ts';

/** What a bench gets. */
export interface BenchContext {
  /** Whether to be as small as possible: the figures then mean nothing. */
  readonly quick: boolean;
  /** Tells a person what is going on. */
  readonly tell: (line: string) => void;
}

/** One bench. */
export interface Bench {
  /** What it measures, in one sentence. */
  readonly what: string;
  readonly run: (context: BenchContext) => Promise<BenchResult>;
}
