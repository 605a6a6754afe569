import type { Database } from '../store/pool.ts';
import { results, type Result } from '../store/results.ts';
import type { RunRow } from '../store/runs.ts';
import {
  essHistogram,
  eStepsOf,
  logWeightHistogram,
  rejectionsOf,
  type EStepLine,
  type HistogramBin,
  type RejectionLine,
} from './queries/distributions.ts';
import { lastEvents, type RunEvent } from './queries/events.ts';
import { jobsOf, type JobLine } from './queries/machinery.ts';
import { thoughtChunks, type ThoughtChunk } from './queries/thoughts.ts';

/** Thoughts of one E-step that the report shows. */
export interface ThoughtSection extends Pick<EStepLine, 'run' | 'inherited' | 'arm' | 'iteration'> {
  /** Chunks from all over the split. */
  readonly spread: readonly ThoughtChunk[];
  /** Chunks of which one candidate has nearly all the weight. */
  readonly peaked: readonly ThoughtChunk[];
  readonly rejected: readonly ThoughtChunk[];
}

/** All that a report shows, as read from the store. */
export interface ReportData {
  readonly run: RunRow;
  readonly results: readonly Result[];
  readonly eSteps: readonly EStepLine[];
  readonly ess: readonly HistogramBin[];
  readonly logWeights: readonly HistogramBin[];
  readonly rejections: readonly RejectionLine[];
  readonly thoughts: readonly ThoughtSection[];
  readonly events: readonly RunEvent[];
  readonly jobs: readonly JobLine[];
}

const SHOWN_EVENTS = 1_000;
const SHOWN_CHUNKS = { spread: 4, peaked: 2, rejected: 2 };

/** Reads everything that a report of a run shows. */
export async function readReportData(database: Database, run: RunRow): Promise<ReportData> {
  const eSteps = await eStepsOf(database, run.run);
  const ess: HistogramBin[] = [];
  const logWeights: HistogramBin[] = [];
  const thoughts: ThoughtSection[] = [];
  // One after another: on a large store each reads a hundred thousand rows.
  for (const step of eSteps) {
    ess.push(...(await essHistogram(database, step)));
    logWeights.push(...(await logWeightHistogram(database, step)));
    const { arm, iteration, inherited } = step;
    const place = { run: run.run, arm, iteration };
    thoughts.push({
      ...{ run: step.run, inherited, arm, iteration },
      spread: await thoughtChunks(database, place, 'spread', SHOWN_CHUNKS.spread),
      peaked: step.samples === 1 ? [] : await thoughtChunks(database, place, 'peaked', SHOWN_CHUNKS.peaked),
      rejected: await thoughtChunks(database, place, 'rejected', SHOWN_CHUNKS.rejected),
    });
  }
  return {
    run,
    results: await results(database, run.run),
    eSteps,
    ess,
    logWeights,
    rejections: await rejectionsOf(database, run.run),
    thoughts,
    events: await lastEvents(database, run.run, SHOWN_EVENTS),
    jobs: await jobsOf(database, run.run),
  };
}
