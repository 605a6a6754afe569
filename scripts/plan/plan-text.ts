import { byteSize, duration, quantity } from '../../activities/report/quantities.ts';
import { pairs, table } from '../output.ts';
import type { RunPlan } from './plan-run.ts';

/** A plan for people: every figure with what it rests on. */
export function planText(plan: RunPlan): string {
  const { estimate, assumptions } = plan;
  const { sampling, warmStart, mStep, history, seconds } = estimate;
  const training = ({ steps, tokens, passes }: typeof mStep): string =>
    `${quantity(steps)} steps, ${quantity(tokens)} tokens, ${quantity(Number(passes.toPrecision(2)))} passes`;
  const range = ([least, most]: readonly [number, number]): string => `${quantity(least)} to ${quantity(most)} events`;
  return [
    `Run ${plan.run}, recipe ${plan.digest.slice(0, 12)}${plan.parameters === null ? '' : `, ${quantity(plan.parameters)} parameters`}`,
    table(plan.splits, [
      { heading: 'split', cell: ({ split }) => split },
      { heading: 'documents', cell: ({ documents }) => quantity(documents), align: 'right' },
      { heading: 'text', cell: ({ bytes }) => byteSize(bytes), align: 'right' },
      { heading: 'chunks a document', cell: ({ chunksPerDocument }) => quantity(chunksPerDocument), align: 'right' },
      {
        heading: 'thought (characters)',
        cell: ({ thoughtCharacters }) => (thoughtCharacters === null ? undefined : quantity(thoughtCharacters)),
        align: 'right',
      },
      { heading: 'measured on', cell: ({ measured }) => quantity(measured), align: 'right' },
    ]),
    pairs([
      [
        'an E-step',
        `${quantity(sampling.chunks)} chunks, ${quantity(sampling.requests)} requests, ${quantity(sampling.shards)} shards in ${quantity(sampling.batches)} batches`,
      ],
      [
        '',
        `${quantity(sampling.sampledTokens)} tokens sampled, ${quantity(sampling.scoredTokens)} scored or prefilled, ${duration(sampling.seconds)}`,
      ],
      ['the warm start', `${training(warmStart)}, ${duration(warmStart.seconds)}`],
      ['an M-step', `${training(mStep)}, ${duration(mStep.seconds)}`],
      ['an iteration', `${duration(estimate.iterationSeconds)} with one trial, evaluation and server starts`],
      [
        'in all, arms included',
        `${estimate.eSteps} E-steps, ${estimate.trainings} trainings, ${quantity(estimate.evaluationTokens)} tokens of evaluation`,
      ],
      [
        'workflow history',
        `largest workflow ${range(history.largest)}; ${quantity(history.workflows)} workflows, ${range(history.total)}`,
      ],
      ['database', byteSize(estimate.databaseBytes)],
      ['files', `${byteSize(estimate.fileBytes)}, and up to ${byteSize(estimate.trainerBytes)} while a training runs`],
    ]),
    pairs([
      ['time', `${duration(seconds.total)}, one thing after another`],
      ['  sampling', duration(seconds.sampling)],
      ['  training', duration(seconds.training)],
      ['  evaluation', duration(seconds.evaluation)],
      ['  server starts', duration(seconds.starting)],
      ...(estimate.cost === null
        ? []
        : ([['cost', `${estimate.cost.toFixed(2)} at ${assumptions.pricePerHour} an hour`]] as const)),
    ]),
    `Assumed (rates are those of two CPU cores unless given):\n${pairs([
      ['  --characters-per-token', round(assumptions.charactersPerToken)],
      ['  --thought-tokens', round(assumptions.thoughtTokens)],
      ['  --sampled-per-second', `${round(assumptions.sampledPerSecond)} tokens, a server`],
      ['  --scored-per-second', `${round(assumptions.scoredPerSecond)} tokens, a server`],
      ['  --trained-per-second', `${round(assumptions.trainedPerSecond)} tokens, a training`],
      ['  --server-start-seconds', round(assumptions.serverStartSeconds)],
    ])}`,
    ...plan.warnings.map((warning) => `warning: ${warning}`),
  ].join('\n\n');
}

const round = (value: number): string => quantity(Number(value.toPrecision(3)));
