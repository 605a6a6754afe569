/** What travels between workflows and activities: ids, ranges and counts, never text. Paths are relative to the data folder. */

/** A trained (or base) model folder that has its completion marker. */
export interface CheckpointRef {
  /** Key of the job that made it. */
  readonly key: string;
  /** sha256 over the folder's files and their digests. */
  readonly digest: string;
  /** Output folder of the job, relative to the data folder; the model is in `<folder>/model`. */
  readonly folder: string;
}

/** A written training set. */
export interface TrainingSetRef {
  /** Folder with `manifest.json`, relative to the data folder. */
  readonly folder: string;
  /** sha256 of the manifest. */
  readonly digest: string;
  readonly documents: number;
  readonly chunks: number;
  /** Tokens of one pass, markers and framing left out. */
  readonly tokens: number;
  /** Of these, tokens of raw text. */
  readonly rawTokens: number;
}

/** Documents of a split by their ordinals. */
export interface DocumentRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** An answer in place of what was asked for: ranges of documents are to be done first, which several workers can do at once. */
export interface OpenRanges {
  /** `cutting` by `cutDocuments`, `writing` by `writeTrainingRange`. */
  readonly open: 'cutting' | 'writing';
  readonly ranges: readonly DocumentRange[];
}

/** A planned E-step: its number in the store and its extent. */
export interface EStepRef {
  readonly eStep: number;
  readonly shards: number;
  /** Shards that are not finished yet: all of a new plan, 0 of a finished one. */
  readonly open: number;
  readonly chunks: number;
  readonly documents: number;
}

/** Counts of sampling work; they add up over shards. */
export interface SamplingCounts {
  readonly chunks: number;
  readonly selected: number;
  readonly rejected: number;
  readonly sampledTokens: number;
  readonly scoredTokens: number;
  readonly requests: number;
}

/** What an E-step came to. */
export interface EStepSummary extends SamplingCounts {
  /** Mean effective sample size of a chunk's K weights, 1…K. */
  readonly essMean: number;
  /** Mean elbo_K of a chunk, nats. */
  readonly elboMean: number;
  /** Mean tokens of a selected thought, EOL included. */
  readonly thoughtTokensMean: number;
  readonly seconds: number;
}

/** A finished training. */
export interface TrainingResult {
  readonly checkpoint: CheckpointRef;
  readonly steps: number;
  readonly tokens: number;
  readonly loss: number;
  readonly seconds: number;
}

/** One measured figure. */
export interface Metric {
  readonly name: string;
  readonly value: number;
  /** Standard error of the value; null where none is defined. */
  readonly standardError: number | null;
  readonly n: number;
}
