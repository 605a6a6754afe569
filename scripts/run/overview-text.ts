import { pairs } from '../output.ts';
import type { RunOverview } from './overview.ts';
import { clock, duration, percent, quantity } from '../../activities/report/quantities.ts';
import { describeFork } from '../../activities/store/runs.ts';
import { silence } from './silence.ts';
import { resultsTable } from './results-table.ts';

/** Where a run is and what it does, in one line. */
export function headline(overview: RunOverview): string {
  const { run, iterations, sampling, trainings } = overview;
  if (run.status === 'Completed') return 'completed';
  const place = `${run.arm}, iteration ${run.iteration} of ${iterations}, ${run.phase}`;
  const parts = [run.status === 'Running' ? place : `${run.status.toLowerCase()} in ${place}`];
  if (run.phase === 'e-step' && sampling !== null) {
    parts.push(
      `${sampling.finishedShards} of ${sampling.shards} shards (${percent(sampling.finishedChunks, sampling.chunks)})`,
    );
    if (sampling.chunksPerSecond !== null) parts.push(`${quantity(sampling.chunksPerSecond)} chunks/s`);
    if (sampling.secondsLeft !== null && sampling.secondsLeft > 0)
      parts.push(`${duration(sampling.secondsLeft)} to go`);
  }
  for (const { progress } of trainings) {
    if (progress === null) continue;
    const of = progress.steps === null ? '' : ` of ${progress.steps}`;
    parts.push(`step ${progress.step}${of}${progress.loss === null ? '' : `, loss ${progress.loss.toFixed(3)}`}`);
    if (progress.tokensPerSecond !== null) parts.push(`${quantity(progress.tokensPerSecond)} tokens/s`);
  }
  const silent = silence(overview);
  if (silent !== null) parts.push(silent);
  return parts.join(' · ');
}

/** Everything about a run, for `status` and a terminal's `watch`. */
export function overviewText(overview: RunOverview): string {
  const { run, sampling, trainings, servers, jobs, events } = overview;
  const sections = [
    pairs([
      ['run', run.run],
      ['status', run.status],
      ['now', headline(overview)],
      ['recipe', run.digest.slice(0, 12)],
      ...(run.fork === null ? [] : ([['fork of', describeFork(run.fork)]] as const)),
      ['started', run.createdAt.toLocaleString('sv')],
      [run.endedAt === null ? 'last word' : 'ended', (run.endedAt ?? run.updatedAt).toLocaleString('sv')],
      ...(sampling !== null && sampling.claimedAgain > 0
        ? ([['shards taken over', String(sampling.claimedAgain)]] as const)
        : []),
    ]),
  ];
  if (run.cause !== null) sections.push(parkedText(overview));
  const models = resultsTable(overview.results);
  if (models !== '') sections.push(models);
  const machinery = [
    ...servers.map((server) =>
      `server   ${server.fleet}/${server.slot}  ${server.state}  ${server.url ?? ''}`.trimEnd(),
    ),
    ...jobs
      .filter(({ kind }) => kind !== 'server')
      .map((job) => {
        const step = trainings.find(({ key }) => key === job.key)?.progress;
        const at =
          step === null || step === undefined
            ? ''
            : `  step ${step.step}${step.steps === null ? '' : ` of ${step.steps}`}`;
        return `${job.kind.padEnd(8)} ${job.key}  ${job.state} on ${job.cluster}${at}`;
      }),
  ];
  if (machinery.length > 0) sections.push(machinery.join('\n'));
  if (events.length > 0) {
    sections.push(events.map((event) => `${clock(event.at)}  ${event.kind.padEnd(12)} ${event.message}`).join('\n'));
  }
  return sections.join('\n\n');
}

/** Why a run waits or failed, and the commands that help, ready to be copied. */
export function parkedText({ run }: Pick<RunOverview, 'run'>): string {
  const { cause } = run;
  if (cause === null) return '';
  const lines = [
    `${run.status} in ${run.phase} (${cause.workflow}): ${cause.type}`,
    `  ${cause.message}`,
    `  What helps: ${cause.remedy}`,
  ];
  if (run.status !== 'Parked') return lines.join('\n');
  // Only an evaluation can be left out; the loop cannot go on without any other step.
  const question = cause.question === undefined ? '' : ` --question ${cause.question}`;
  const actions = run.phase === 'evaluation' ? ['retry', 'skip', 'abort'] : ['retry', 'abort'];
  return [...lines, '', ...actions.map((action) => `  thoughtloop decide ${run.run} ${action}${question}`)].join('\n');
}
