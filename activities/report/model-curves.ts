import type { TopLevelSpec } from 'vega-lite';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { MAIN_ARM } from '../../workflows/contract/ids.ts';
import type { Result } from '../store/results.ts';
import { CHART, COLOURS } from './chart.ts';

/** One measured point of a curve. */
export interface CurvePoint {
  readonly arm: string;
  readonly iteration: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A figure of a model and its standard error; null where the model has none. */
export type Figure = (result: Result) => { readonly value: number; readonly standardError: number | null } | null;

/**
 * Points of a figure over iterations, one an arm, iteration and trial. Arms that start from M_0 start there in the curve
 * too.
 */
export function curvePoints(results: readonly Result[], recipe: Recipe, figure: Figure): CurvePoint[] {
  const fromWarmStart = recipe.arms.filter(({ kind }) => kind !== 'raw').map(({ name }) => name);
  return results.flatMap((result) => {
    const measured = figure(result);
    if (measured === null) return [];
    const { value, standardError } = measured;
    const error = standardError ?? 0;
    const point = { arm: result.arm, iteration: result.iteration, value, low: value - error, high: value + error };
    if (result.arm !== MAIN_ARM || result.iteration !== 0) return [point];
    return [
      point,
      ...fromWarmStart.filter((arm) => results.some((r) => r.arm === arm)).map((arm) => ({ ...point, arm })),
    ];
  });
}

/** Every arm keeps its colour in all charts, also where others have no such figure. */
function colours(arms: readonly string[], all: readonly string[]): { domain: string[]; range: string[] } {
  const place = (arm: string): number => Math.max(0, all.indexOf(arm));
  return { domain: [...arms], range: arms.map((arm) => COLOURS[place(arm) % COLOURS.length] ?? COLOURS[0]) };
}

/** Iterations by which arms stand beside each other, so that equal figures do not hide one another. */
const DODGE = 0.035;

/**
 * Curves of a figure over iterations: mean of the trials as a line, each trial as a point with its standard error.
 * @param all every arm of the run, in order
 */
export function curveChart(points: readonly CurvePoint[], title: string, all: readonly string[]): TopLevelSpec {
  const arms = [...new Set(points.map(({ arm }) => arm))];
  const iterations = [...new Set(points.map(({ iteration }) => iteration))].sort((a, b) => a - b);
  const values = points.map((point) => ({
    ...point,
    place: point.iteration + DODGE * (arms.indexOf(point.arm) - (arms.length - 1) / 2),
  }));
  const x = {
    field: 'place',
    type: 'quantitative' as const,
    axis: { values: iterations, format: 'd', title: 'iteration', grid: false },
    scale: { domain: [Math.min(...iterations) - 0.2, Math.max(...iterations) + 0.2], nice: false },
  };
  const y = { type: 'quantitative', axis: { title, tickCount: 5 }, scale: { zero: false, nice: true } } as const;
  const color = { field: 'arm', type: 'nominal' as const, scale: colours(arms, all) };
  return {
    data: { values },
    ...CHART,
    encoding: { color },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 2 },
        encoding: { x, y: { ...y, field: 'value', aggregate: 'mean' } },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.6 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      { mark: { type: 'point', filled: true, size: 45, opacity: 1 }, encoding: { x, y: { ...y, field: 'value' } } },
    ],
  };
}

/** The last model of every arm side by side. */
export function armsChart(points: readonly CurvePoint[], title: string, all: readonly string[]): TopLevelSpec {
  const arms = [...new Set(points.map(({ arm }) => arm))];
  const last = arms.flatMap((arm) => {
    const own = points.filter((point) => point.arm === arm);
    const iteration = Math.max(...own.map((point) => point.iteration));
    return own.filter((point) => point.iteration === iteration);
  });
  const x = { type: 'quantitative', axis: { title, tickCount: 5 }, scale: { zero: false, nice: true } } as const;
  const y = { field: 'arm', type: 'nominal', sort: arms, axis: { title: null, labelLimit: 120 } } as const;
  const color = { field: 'arm', type: 'nominal' as const, scale: colours(arms, all), legend: null };
  return {
    data: { values: last },
    width: CHART.width - 60,
    height: { step: 30 },
    encoding: { color },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.6 },
        encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y },
      },
      { mark: { type: 'point', filled: true, size: 70, opacity: 1 }, encoding: { x: { ...x, field: 'value' }, y } },
    ],
  };
}
