/** Does one step of a corpus in a process of its own: `node corpus-step.ts '<CorpusStep as JSON>'` prints a {@link StepReport}. */
import { importFile } from '../../../activities/corpus/import.ts';
import { planEStep } from '../../../activities/e-step/plan-e-step.ts';
import { buildTrainingSet } from '../../../activities/m-step/training-set.ts';
import { findEStepAt } from '../../../activities/store/e-steps.ts';
import { openDatabase } from '../../../activities/store/pool.ts';
import type { SegmentationSettings } from '../../../workflows/contract/recipe.ts';
import { BENCH_CHECKPOINT } from '../bench-model.ts';
import { BENCH_E_STEP } from '../bench-corpus.ts';

export interface CorpusStep {
  readonly step: 'import' | 'plan' | 'export';
  readonly databaseUrl: string;
  readonly dataFolder: string;
  /** Name of the corpus and of the run. */
  readonly corpus: string;
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

/** The paper's. */
const SEGMENTATION: SegmentationSettings = {
  kind: 'sentences',
  meanSentences: 8,
  minSentences: 1,
  maxSentences: 20,
  seed: 42,
};

const { step, databaseUrl, dataFolder, corpus, file, documents } = JSON.parse(process.argv[2] ?? '{}') as CorpusStep;
const database = openDatabase(databaseUrl);
const place = { run: corpus, arm: 'latent', iteration: 1 };
const split = { name: corpus, split: 'train' };

async function work(): Promise<void> {
  switch (step) {
    case 'import': {
      const result = await importFile(database, { file, corpus, split: 'train' });
      if (result.kind !== 'imported')
        throw new Error(`Expected ${file} to be imported, found ${JSON.stringify(result)}`);
      return;
    }
    case 'plan':
      await planEStep(database, {
        place,
        seed: 7,
        fidelity: 'corrected',
        corpus: split,
        segmentation: SEGMENTATION,
        settings: BENCH_E_STEP,
        checkpoint: BENCH_CHECKPOINT,
      });
      return;
    case 'export': {
      const row = await findEStepAt(database, place);
      if (row === null) throw new Error(`Expected an E-step of ${corpus}, found none`);
      const source = { kind: 'thoughts', eStep: row.eStep, samples: row.samples, seed: 7 } as const;
      await buildTrainingSet(
        { database, dataFolder },
        { place, corpus: split, segmentation: SEGMENTATION, source, checkpoint: BENCH_CHECKPOINT },
      );
    }
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
