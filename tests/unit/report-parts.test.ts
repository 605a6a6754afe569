import { describe, expect, test } from 'vitest';
import { candidateWeights } from '../../activities/report/candidate-weights.ts';
import { renderChart } from '../../activities/report/chart.ts';
import { escapeHtml, html } from '../../activities/report/html.ts';
import { curveChart, curvePoints } from '../../activities/report/model-curves.ts';
import { phaseIntervals } from '../../activities/report/phase-intervals.ts';
import { byteSize, duration, quantity, withError } from '../../activities/report/quantities.ts';
import type { Result } from '../../activities/store/results.ts';
import { tinyRecipe } from '../support/tiny-recipe.ts';

describe('markup', () => {
  test('text that is put into a template is escaped, markup is not', () => {
    expect(html`<p title="${'"><script>'}">${'a & b'}${[html`<b>x</b>`, '<i>']}${null}${7}</p>`.markup).toBe(
      '<p title="&quot;&gt;&lt;script&gt;">a &amp; b<b>x</b>&lt;i&gt;7</p>',
    );
  });

  test('characters that HTML forbids are replaced', () => {
    expect(escapeHtml('a\u0000b\u001b[2Jc\nd')).toBe('a\ufffdb\ufffd[2Jc\nd');
  });
});

describe('time', () => {
  const at = (minute: number): Date => new Date(minute * 60_000);
  const event = (
    minute: number,
    kind: string,
    message: string,
  ): { event: number; at: Date; kind: string; message: string } => ({ event: minute, at: at(minute), kind, message });

  test('a phase lasts until the next event that says where the run is; waiting is a phase of its own', () => {
    const events = [
      event(0, 'running', 'latent, iteration 1, e-step'),
      event(4, 'server-lost', 'slot 0'),
      event(5, 'parked', 'latent, iteration 1, m-step: TrainingFailed: x'),
      event(9, 'running', 'latent, iteration 1, m-step'),
      event(12, 'completed', 'latent, iteration 1, done'),
    ];
    expect(
      phaseIntervals(events, at(12)).map(({ phase, from, to }) => [
        phase,
        from.getTime() / 60_000,
        to.getTime() / 60_000,
      ]),
    ).toEqual([
      ['e-step', 0, 5],
      ['parked', 5, 9],
      ['m-step', 9, 12],
    ]);
  });

  test('the last phase of a run that goes on lasts until now', () => {
    expect(phaseIntervals([event(1, 'running', 'k1, iteration 2, evaluation')], at(3))).toEqual([
      { arm: 'k1', iteration: 2, phase: 'evaluation', from: at(1), to: at(3) },
    ]);
  });
});

describe('curves', () => {
  const result = (arm: string, iteration: number, accuracy: number | null): Result =>
    ({ arm, iteration, trial: 0, accuracy, standardError: 0.02 }) as Result;
  const recipe = tinyRecipe({
    arms: [
      { name: 'k1', kind: 'latent', samples: 1 },
      { name: 'raw', kind: 'raw', match: 'tokens' },
    ],
  });
  const figure = ({ accuracy, standardError }: Result): { value: number; standardError: number | null } | null =>
    accuracy === null ? null : { value: accuracy, standardError };

  test('an arm that starts from M_0 starts there in the curve, a raw arm does not', () => {
    const points = curvePoints(
      [
        result('latent', 0, 0.4),
        result('latent', 1, 0.5),
        result('k1', 1, 0.3),
        result('raw', 1, 0.1),
        result('latent', 2, null),
      ],
      recipe,
      figure,
    );
    expect(points.map(({ arm, iteration, value }) => `${arm} ${iteration} ${value}`).sort()).toEqual([
      'k1 0 0.4',
      'k1 1 0.3',
      'latent 0 0.4',
      'latent 1 0.5',
      'raw 1 0.1',
    ]);
  });

  test('a chart of hostile names is an image without markup of theirs', async () => {
    const hostile = '<script>alert(1)</script>';
    const points = curvePoints([result(hostile, 0, 0.4), result(hostile, 1, 0.5)], recipe, figure);
    const { markup } = await renderChart(curveChart(points, hostile, [hostile]), hostile);
    expect(markup).toMatch(/^<svg role="img"/);
    expect(markup).not.toContain('<script');
  });
});

test('weights of candidates without a score are left out of the sum', () => {
  const weights = candidateWeights([
    { logQ: -1, logP: -2 },
    { logQ: -1, logP: null },
    { logQ: -3, logP: -4 },
  ]);
  expect(weights).toEqual([0.5, null, 0.5]);
});

test.each([
  [duration(0.4), '0 s'],
  [duration(59.6), '1 min'],
  [duration(200), '3 min 20 s'],
  [duration(3_599), '59 min 59 s'],
  [duration(18_720), '5 h 12 min'],
  [duration(187_200), '2 d 4 h'],
  [duration(null), '–'],
  [quantity(12_345), '12,345'],
  [quantity(4_580_000_000), '4.58 B'],
  [quantity(0.127), '0.13'],
  [quantity(Number.NaN), '–'],
  [byteSize(199_000_000_000), '199 GB'],
  [byteSize(12), '12 B'],
  [withError(0.7184, 0.0225), '0.718 ± 0.022'],
  [withError(1.5, null, 1), '1.5'],
  [withError(null, 0.1), '–'],
])('%s is how %s reads', (shown, expected) => {
  expect(shown).toBe(expected);
});
