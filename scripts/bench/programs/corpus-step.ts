/** Does one step of a corpus in a process of its own: `node corpus-step.ts '<CorpusStep as JSON>'` prints a {@link StepReport}. */
import { cutRange, resolveSplit } from '../../../activities/corpus/cut-split.ts';
import { documentRanges } from '../../../activities/corpus/document-ranges.ts';
import { importFile } from '../../../activities/corpus/import.ts';
import { planEStep } from '../../../activities/e-step/plan-e-step.ts';
import { buildTrainingSet, writeTrainingRange } from '../../../activities/m-step/training-set.ts';
import { TokenizerCache } from '../../../activities/m-step/training-set-work.ts';
import { findEStepAt } from '../../../activities/store/e-steps.ts';
import { openDatabase } from '../../../activities/store/pool.ts';
import type { BuildTrainingSetInput, PlanEStepInput } from '../../../workflows/contract/activities.ts';
import { RANGES_AT_ONCE } from '../../../workflows/contract/limits.ts';
import type { DocumentRange } from '../../../workflows/contract/references.ts';
import { mapWindow } from '../../../workflows/window.ts';
import { BENCH_CHECKPOINT } from '../bench-model.ts';
import { BENCH_E_STEP } from '../bench-corpus.ts';

export interface CorpusStep {
  /** `cut` does ranges of `plan`, and `write` ranges of `export`. */
  readonly step: 'import' | 'cut' | 'plan' | 'write' | 'export';
  readonly databaseUrl: string;
  readonly dataFolder: string;
  readonly corpus: string;
  readonly run: string;
  /** Segmentations of different seeds share no cuts. */
  readonly seed: number;
  /** Which of the ranges are this process's: each `processes`th from the `share`th on. */
  readonly share: number;
  readonly processes: number;
  /** What is imported. */
  readonly file: string;
  readonly documents: number;
}

export interface StepReport {
  readonly step: CorpusStep['step'];
  readonly documents: number;
  readonly seconds: number;
  /** Processor time of this process, seconds. */
  readonly cpu: number;
  /** Most memory of this process, bytes. */
  readonly peakMemory: number;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as CorpusStep;
const { step, databaseUrl, dataFolder, corpus, run, seed, share, processes, file, documents } = settings;
const database = openDatabase(databaseUrl);
const place = { run, arm: 'latent', iteration: 1 };
const split = { name: corpus, split: 'train' };
/** The paper's. */
const segmentation = { kind: 'sentences', meanSentences: 8, minSentences: 1, maxSentences: 20, seed } as const;
const plan: PlanEStepInput = {
  place,
  seed: 7,
  fidelity: 'corrected',
  corpus: split,
  segmentation,
  settings: BENCH_E_STEP,
  checkpoint: BENCH_CHECKPOINT,
};

async function exported(): Promise<BuildTrainingSetInput> {
  const row = await findEStepAt(database, place);
  if (row === null) throw new Error(`Expected an E-step of ${run}, found none`);
  const source = { kind: 'thoughts', eStep: row.eStep, samples: row.samples, seed: 7 } as const;
  return { place, corpus: split, segmentation, source, checkpoint: BENCH_CHECKPOINT };
}

/** Does this process's ranges, as many at once as a workflow would let it have. */
async function ours(work: (range: DocumentRange) => Promise<void>): Promise<void> {
  const ranges = documentRanges(documents).filter((_, index) => index % processes === share);
  await mapWindow(ranges, RANGES_AT_ONCE / processes, work);
}

async function work(): Promise<void> {
  switch (step) {
    case 'import': {
      const result = await importFile(database, { file, corpus, split: 'train' });
      if (result.kind !== 'imported')
        throw new Error(`Expected ${file} to be imported, found ${JSON.stringify(result)}`);
      return;
    }
    case 'cut': {
      const resolved = await resolveSplit(database, split, run);
      return ours((range) => cutRange(database, resolved, segmentation, range, () => undefined));
    }
    case 'plan':
      await planEStep(database, plan);
      return;
    case 'write': {
      const places = { database, dataFolder, tokenizers: new TokenizerCache() };
      const set = await exported();
      return ours((range) => writeTrainingRange(places, { ...set, range }));
    }
    case 'export':
      await buildTrainingSet({ database, dataFolder }, await exported());
  }
}

const began = performance.now();
await work();
const { user, system } = process.cpuUsage();
const report: StepReport = {
  step,
  documents,
  seconds: (performance.now() - began) / 1_000,
  cpu: (user + system) / 1e6,
  peakMemory: process.resourceUsage().maxRSS * 1_024,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
await database.end();
