import type { EStepSummary, Metric, SamplingCounts, TrainingResult } from './contract/references.ts';

/** Texts of the Web UI's current details. Counts and figures only; `thoughtloop status` and `report` say the rest. */

/** A number as people read it: `12,345`, `3.42`, `-0.0012`; whole where it is large. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 1 ? 2 : 4;
  const [whole = '', ...fraction] = value.toFixed(digits).split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.');
}

/** A time as people read it. */
export function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a part of the sampling has come to, and how fast. */
export interface SamplingProgress {
  readonly counts: SamplingCounts;
  readonly shards: { readonly done: number; readonly failed: number; readonly total: number };
  /** Since the workflow's start; what was finished before it is not in here and says nothing of the pace. */
  readonly pace: { readonly shards: number; readonly tokens: number; readonly milliseconds: number };
}

export const NOTHING_SAMPLED: Pick<SamplingProgress, 'counts' | 'pace'> = {
  counts: { chunks: 0, selected: 0, rejected: 0, sampledTokens: 0, scoredTokens: 0, requests: 0 },
  pace: { shards: 0, tokens: 0, milliseconds: 0 },
};

export function addCounts(a: SamplingCounts, b: SamplingCounts): SamplingCounts {
  return {
    chunks: a.chunks + b.chunks,
    selected: a.selected + b.selected,
    rejected: a.rejected + b.rejected,
    sampledTokens: a.sampledTokens + b.sampledTokens,
    scoredTokens: a.scoredTokens + b.scoredTokens,
    requests: a.requests + b.requests,
  };
}

/** Shards done, failed and in all, chunks, tokens a second, time left. */
export function samplingDetails({ counts, shards, pace }: SamplingProgress): string {
  const lines = [
    `**${figure(shards.done)} of ${figure(shards.total)} shards** · ${shards.failed} failed`,
    `${figure(counts.chunks)} chunks · ${figure(counts.rejected)} rejected · ${figure(counts.sampledTokens)} tokens sampled`,
  ];
  if (pace.shards > 0 && pace.milliseconds > 0) {
    const seconds = pace.milliseconds / 1000;
    const left = ((shards.total - shards.done) * seconds) / pace.shards;
    lines.push(`${figure(Math.round(pace.tokens / seconds))} tokens/s · ${duration(left)} left`);
  }
  return lines.join('\n\n');
}

/** What an E-step came to, in one line. */
export function eStepLine({ chunks, rejected, sampledTokens, essMean, elboMean, seconds }: EStepSummary): string {
  return (
    `E-step: ${figure(chunks)} chunks · ${figure(rejected)} rejected · ${figure(sampledTokens)} tokens sampled · ` +
    `ESS ${figure(essMean)} · ELBO ${figure(elboMean)} nats a chunk · ${duration(seconds)}`
  );
}

/** What a training came to, in one line. */
export function trainingLine(trial: number, { loss, steps, tokens, seconds, checkpoint }: TrainingResult): string {
  return (
    `M-step, trial ${trial}: loss ${figure(loss)} · ${figure(steps)} steps · ${figure(tokens)} tokens · ` +
    `${duration(seconds)} · \`${checkpoint.folder}\``
  );
}

/** Metrics that are shown; the others are in the report. */
const SHOWN: readonly string[] = ['accuracy', 'elbo', 'nll'];

/** What one benchmark came to, in a few words; empty when none of its metrics is shown. */
export function metricsText(benchmark: string, metrics: readonly Metric[]): string {
  const shown = metrics
    .filter(({ name }) => SHOWN.includes(name))
    .map(
      ({ name, value, standardError }) =>
        `${name} ${figure(value)}${standardError === null ? '' : ` ± ${figure(standardError)}`}`,
    );
  return shown.length === 0 ? '' : `${benchmark}: ${shown.join(', ')}`;
}
