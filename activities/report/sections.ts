import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import type { Result } from '../store/results.ts';
import { candidateWeights } from './candidate-weights.ts';
import { html, type Html, type HtmlValue } from './html.ts';
import { duration, modelName, ofOther, quantity, withError } from './quantities.ts';
import type { EStepLine, RejectionLine } from './queries/distributions.ts';
import type { RunEvent } from './queries/events.ts';
import type { JobLine } from './queries/machinery.ts';
import type { ThoughtChunk } from './queries/thoughts.ts';
import type { ThoughtSection } from './report-data.ts';

/** A column of a table in the report. */
interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => HtmlValue;
  readonly kind?: 'name' | 'number' | 'text';
}

function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], marked?: (row: Row) => string): Html {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${columns.map(({ heading, kind }) => html`<th class="${kind ?? ''}">${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr class="${marked?.(row) ?? ''}">
              ${columns.map(({ cell, kind }) => html`<td class="${kind ?? ''}">${cell(row)}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

const number = <Row>(heading: string, cell: (row: Row) => string): Column<Row> => ({ heading, cell, kind: 'number' });

/** All models with their figures; the best of the EM loop is marked. */
export function modelsTable(results: readonly Result[]): Html {
  const main = results.filter(({ arm, accuracy }) => arm === MAIN_ARM && accuracy !== null);
  const best = main.reduce<Result | undefined>(
    (a, b) => (a === undefined || (b.accuracy ?? 0) > (a.accuracy ?? 0) ? b : a),
    undefined,
  );
  const others = [...new Set(results.flatMap(({ benchmarks }) => benchmarks.map(({ benchmark }) => benchmark)))].slice(
    1,
  );
  return table<Result>(
    results,
    [
      { heading: 'model', cell: modelName, kind: 'name' },
      number('accuracy', (row) => withError(row.accuracy, row.standardError)),
      ...others.map((name) =>
        number<Result>(name, ({ benchmarks }) => {
          const found = benchmarks.find(({ benchmark }) => benchmark === name);
          return withError(found?.accuracy ?? null, found?.standardError ?? null);
        }),
      ),
      number('n', (row) => quantity(row.n)),
      number('ELBO', (row) => withError(row.elbo, row.elboStandardError, 2)),
      number('NLL', (row) => withError(row.nll, row.nllStandardError, 2)),
      number('ESS', (row) => row.ess?.toFixed(2) ?? '–'),
      number('trained tokens', (row) => quantity(row.trainingTokens)),
      number('sampled tokens', (row) => quantity(row.sampledTokens)),
      number('time', (row) => duration(row.seconds)),
    ],
    (row) => (row === best ? 'best' : ''),
  );
}

/** What each E-step did and how fast. */
export function samplingTable(eSteps: readonly EStepLine[]): Html {
  const figure =
    (name: string): ((step: EStepLine) => number | null) =>
    ({ summary }) =>
      summary?.[name] ?? null;
  const rate = (step: EStepLine, name: string): string => {
    const [value, seconds] = [figure(name)(step), figure('seconds')(step)];
    return value === null || seconds === null || seconds <= 0 ? '–' : `${quantity(value / seconds)}/s`;
  };
  return table(eSteps, [
    { heading: 'E-step', cell: (step) => `${step.arm} i${step.iteration}${ofOther(step)}`, kind: 'name' },
    number('K', ({ samples }) => String(samples)),
    number('chunks', ({ chunks }) => quantity(chunks)),
    number('rejected', (step) => quantity(figure('rejected')(step))),
    number('ESS', (step) => figure('essMean')(step)?.toFixed(2) ?? '–'),
    number('ELBO a chunk', (step) => figure('elboMean')(step)?.toFixed(2) ?? '–'),
    number('thought tokens', (step) => quantity(figure('thoughtTokensMean')(step))),
    number('chunks/s', (step) => rate(step, 'chunks')),
    number('sampled tokens', (step) => rate(step, 'sampledTokens')),
    number('scored tokens', (step) => rate(step, 'scoredTokens')),
    number('time', (step) => duration(figure('seconds')(step))),
  ]);
}

/** Rejected chunks by reason. */
export function rejectionsTable(rejections: readonly RejectionLine[]): Html {
  return table(rejections, [
    { heading: 'E-step', cell: ({ arm, iteration }) => `${arm} i${iteration}`, kind: 'name' },
    { heading: 'reason', cell: ({ reason }) => reason, kind: 'text' },
    number('chunks', ({ chunks }) => quantity(chunks)),
  ]);
}

/** Thoughts of one E-step beside their chunks. */
export function thoughtsSection(section: ThoughtSection): Html {
  const { arm, iteration, spread, peaked, rejected } = section;
  const group = (heading: string, chunks: readonly ThoughtChunk[]): HtmlValue =>
    chunks.length === 0
      ? null
      : html`<p class="soft">${heading}</p>
          ${chunks.map(thoughtCard)}`;
  return html`<details ${iteration === 1 && arm === MAIN_ARM ? html`open` : null}>
    <summary>${arm}, iteration ${iteration}${ofOther(section)}</summary>
    ${group('From all over the split', spread)} ${group('All the weight on one candidate', peaked)}
    ${group('Rejected', rejected)}
  </details>`;
}

/** Longest text shown, in characters. */
const SHOWN_CHARACTERS = 3_000;
const shown = (text: string): string =>
  (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)} …` : text).trim();

function thoughtCard(chunk: ThoughtChunk): Html {
  const weights = candidateWeights(chunk.candidates);
  const rows = chunk.candidates.map((candidate, index) => ({ ...candidate, weight: weights[index] ?? null }));
  const facts = [
    `document ${chunk.document}, chunk ${chunk.chunk}`,
    chunk.ess === null ? '' : `ESS ${chunk.ess.toFixed(2)}`,
    chunk.elbo === null ? '' : `ELBO ${chunk.elbo.toFixed(2)}`,
    chunk.rejection === null ? '' : `rejected: ${chunk.rejection}`,
  ].filter((fact) => fact !== '');
  return html`<div class="thought">
    <div class="soft">${facts.join(' · ')}</div>
    <blockquote><span class="context">${shown(chunk.context)}</span> ${shown(chunk.text)}</blockquote>
    ${
      rows.length === 0
        ? null
        : table(
            rows,
            [
              { heading: 'thought', cell: ({ text }) => shown(text), kind: 'text' },
              number('log q', ({ logQ }) => logQ.toFixed(2)),
              number('log p', ({ logP }) => logP?.toFixed(2) ?? '–'),
              {
                heading: 'weight',
                cell: ({ weight }) =>
                  weight === null
                    ? '–'
                    : html`${weight.toFixed(2)} <span class="bar" style="width:${Math.round(weight * 48)}px"></span>`,
              },
            ],
            ({ selected }) => (selected ? 'selected' : ''),
          )
    }
  </div>`;
}

/** Jobs on clusters. */
export function jobsTable(jobs: readonly JobLine[]): Html {
  return table(jobs, [
    { heading: 'job', cell: ({ key }) => key, kind: 'text' },
    { heading: 'cluster', cell: ({ cluster }) => cluster },
    { heading: 'state', cell: ({ state }) => state },
    number('restarts', ({ restarts }) => String(restarts)),
    number('time', ({ createdAt, endedAt }) =>
      duration(endedAt === null ? null : (endedAt.getTime() - createdAt.getTime()) / 1_000),
    ),
    { heading: 'reason', cell: ({ reason }) => reason ?? '', kind: 'text' },
  ]);
}

/** The run's log. */
export function eventsTable(events: readonly RunEvent[]): Html {
  return table(events, [
    {
      heading: 'time',
      cell: ({ at }) => at.toISOString().slice(0, 19).replace('T', ' '),
      kind: 'name',
    },
    { heading: 'event', cell: ({ kind }) => kind },
    { heading: '', cell: ({ message }) => message, kind: 'text' },
  ]);
}
