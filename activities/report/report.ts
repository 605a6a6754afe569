import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import type { Result } from '../store/results.ts';
import type { ForkPoint } from '../store/forks.ts';
import { describeFork } from '../store/runs.ts';
import { renderChart } from './chart.ts';
import { histogramChart, timelineChart } from './distribution-charts.ts';
import { html, trusted, type Html, type HtmlValue } from './html.ts';
import { armsChart, curveChart, curvePoints, type Figure } from './model-curves.ts';
import { phaseIntervals } from './phase-intervals.ts';
import { duration, quantity } from './quantities.ts';
import type { ReportData } from './report-data.ts';
import { eventsTable, jobsTable, modelsTable, rejectionsTable, samplingTable, thoughtsSection } from './sections.ts';
import { STYLE } from './style.ts';

/** What a report shows besides what the store holds. */
export interface ReportContext {
  /** The resolved recipe as a recipe file. */
  readonly recipeToml: string;
  /** Programs and their versions. */
  readonly versions: readonly (readonly [program: string, version: string])[];
  readonly madeAt: Date;
}

/**
 * A run's report: one HTML page that asks nothing of the network and carries no script.
 * @returns the page's source
 */
export async function renderReport(data: ReportData, context: ReportContext): Promise<string> {
  const { run, results } = data;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <title>${run.run} · thoughtloop</title>
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${header(data, context)}
          <h2>Models</h2>
          ${results.length === 0 ? html`<p class="soft">No model yet.</p>` : modelsTable(results)}
          <p class="soft">
            ± one standard error. ELBO: importance-weighted bound on the log likelihood of a held-out document given its
            context, nats; NLL: negative log likelihood in raw form, without thoughts. ESS: mean effective sample size
            of the weights whose choice the model was trained on, 1 … K. Time: sampling and training.
          </p>
          ${await curves(data)} ${await samplingSections(data)}
          ${
            data.thoughts.length === 0
              ? null
              : html`<h2>Thoughts</h2>
                  <p class="soft">
                    Sampled for the chunk behind its context. log q: sampling it; log p: it and the chunk together;
                    weight: its share of exp(log p − log q); coloured: the selected one.
                  </p>
                  ${data.thoughts.map(thoughtsSection)}`
          }
          ${await timeline(data, context.madeAt)}
          ${
            data.jobs.length === 0
              ? null
              : html`<h2>Jobs</h2>
                  ${jobsTable(data.jobs)}`
          }
          ${
            data.events.length === 0
              ? null
              : html`<h2>Events</h2>
                  <details>
                    <summary>${data.events.length} events</summary>
                    ${eventsTable(data.events)}
                  </details>`
          }
          <h2>Recipe</h2>
          <details>
            <summary>as resolved, ${run.digest.slice(0, 12)}</summary>
            <pre>${context.recipeToml}</pre>
          </details>
        </main>
      </body>
    </html> `;
  return page.markup;
}

function header({ run, results, eSteps }: ReportData, { versions, madeAt }: ReportContext): Html {
  const own = results.filter(({ inherited }) => !inherited);
  const sum = (figure: (result: Result) => number): number => own.reduce((total, result) => total + figure(result), 0);
  const sampled = eSteps.reduce(
    (total, { inherited, summary }) => total + (inherited ? 0 : (summary?.['sampledTokens'] ?? 0)),
    0,
  );
  const { recipe } = run;
  const end = run.endedAt ?? madeAt;
  const facts: readonly (readonly [string, string])[] = [
    ['iterations', `${recipe.iterations}, K = ${recipe.eStep.samples}`],
    ['base model', describeBase(recipe)],
    ['corpus', `${recipe.corpus.name} (${recipe.corpus.warmStart}, ${recipe.corpus.train})`],
    ['seed, fidelity', `${recipe.seed}, ${recipe.fidelity}`],
    ['trained tokens', quantity(sum(({ trainingTokens }) => trainingTokens))],
    ['sampled tokens', quantity(sampled)],
    ['wall time', duration((end.getTime() - run.createdAt.getTime()) / 1_000)],
    ['compute time', duration(sum(({ seconds }) => seconds))],
  ];
  return html`<h1>${run.run}</h1>
    <p>
      <span class="status ${run.status}">${run.status}</span>
      <span class="soft"
        >started
        ${stamp(run.createdAt)}${run.endedAt === null ? `, in ${run.phase} of ${run.arm}, iteration ${run.iteration}` : `, ended ${stamp(run.endedAt)}`};
        report of ${stamp(madeAt)}</span
      >
    </p>
    ${run.cause === null ? null : html`<div class="cause"><strong>${run.cause.type}</strong>: ${run.cause.message}<br /><span class="soft">${run.cause.remedy}</span></div>`}
    <dl class="facts">
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    ${run.fork === null ? null : forkNote(run.fork)}
    <p class="soft">Made with ${versions.map(([program, version]) => `${program} ${version}`).join(' · ')}</p>`;
}

function forkNote(fork: ForkPoint): Html {
  return html`<p>
    Fork of ${describeFork(fork)}: the base model, and of the EM loop all up to there, are that run's. They stand below
    with its name, and are not in the tokens and times above. The recipe below is that of what came after.
  </p>`;
}

const stamp = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

function describeBase({ model }: Recipe): string {
  if (model.source === 'random') return `random, ${model.layers} × ${model.hidden}`;
  return model.source === 'folder' ? model.path : 'SmolLM2-135M-Instruct';
}

async function curves({ run, results }: ReportData): Promise<HtmlValue> {
  const { recipe } = run;
  const figures: readonly (readonly [string, string, Figure])[] = [
    ...recipe.evaluation.benchmarks.map(
      ({ name }) => [`Accuracy on ${name}`, 'accuracy', (result: Result) => accuracyOn(result, name)] as const,
    ),
    ['ELBO of held-out documents', 'nats a document', ({ elbo, elboStandardError }) => figure(elbo, elboStandardError)],
    ['NLL of held-out documents', 'nats a document', ({ nll, nllStandardError }) => figure(nll, nllStandardError)],
  ];
  const arms = [MAIN_ARM, ...recipe.arms.map(({ name }) => name)];
  const charts: Html[] = [];
  for (const [caption, unit, of] of figures) {
    const points = curvePoints(results, recipe, of);
    if (points.length > 0) charts.push(await chart(caption, curveChart(points, unit, arms)));
  }
  const first = figures[0];
  const points = first === undefined ? [] : curvePoints(results, recipe, first[2]);
  if (first !== undefined && new Set(points.map(({ arm }) => arm)).size > 1) {
    charts.push(await chart(`Arms side by side: ${first[0]}`, armsChart(points, first[1], arms)));
  }
  return charts.length === 0
    ? null
    : html`<h2>Curves</h2>
        <div class="charts">${charts}</div>`;
}

const figure = (value: number | null, standardError: number | null): ReturnType<Figure> =>
  value === null ? null : { value, standardError };

function accuracyOn({ benchmarks }: Result, name: string): ReturnType<Figure> {
  const found = benchmarks.find(({ benchmark }) => benchmark === name);
  return figure(found?.accuracy ?? null, found?.standardError ?? null);
}

async function samplingSections({ eSteps, ess, logWeights, rejections }: ReportData): Promise<HtmlValue> {
  if (eSteps.length === 0) return null;
  const charts: Html[] = [];
  if (ess.length > 0)
    charts.push(await chart('Effective sample size of a chunk’s weights', histogramChart(ess, 'ESS')));
  if (logWeights.length > 0) {
    charts.push(await chart('Log weights less their chunk’s mean', histogramChart(logWeights, 'nats')));
  }
  return html`<h2>Sampling</h2>
    ${samplingTable(eSteps)}
    <div class="charts" style="margin-top:1rem">${charts}</div>
    ${
      rejections.length === 0
        ? null
        : html`<h3>Rejected chunks</h3>
            ${rejectionsTable(rejections)}`
    }`;
}

async function timeline({ run, events }: ReportData, madeAt: Date): Promise<HtmlValue> {
  const intervals = phaseIntervals(events, run.endedAt ?? madeAt);
  if (intervals.length === 0) return null;
  return html`<h2>Time</h2>
    ${await chart('What the run did when', timelineChart(intervals))}`;
}

async function chart(caption: string, spec: Parameters<typeof renderChart>[0]): Promise<Html> {
  return html`<figure>
    <figcaption>${caption}</figcaption>
    ${await renderChart(spec, caption)}
  </figure>`;
}
