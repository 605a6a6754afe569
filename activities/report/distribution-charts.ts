import type { TopLevelSpec } from 'vega-lite';
import { CHART } from './chart.ts';
import type { PhaseInterval } from './phase-intervals.ts';
import type { HistogramBin } from './queries/distributions.ts';

/** Histograms of several E-steps over each other, each as shares of its own total. */
export function histogramChart(bins: readonly HistogramBin[], title: string): TopLevelSpec {
  const name = ({ arm, iteration }: HistogramBin): string => `${arm} i${iteration}`;
  const totals = new Map<string, number>();
  for (const bin of bins) totals.set(name(bin), (totals.get(name(bin)) ?? 0) + bin.count);
  const values = bins.map((bin) => ({
    step: name(bin),
    from: bin.from,
    to: bin.to,
    share: bin.count / (totals.get(name(bin)) ?? 1),
  }));
  return {
    data: { values },
    width: CHART.width,
    height: Math.max(44, Math.round(CHART.height / Math.max(1, totals.size))),
    mark: { type: 'bar', binSpacing: 1 },
    encoding: {
      row: {
        field: 'step',
        type: 'nominal',
        sort: [...totals.keys()],
        title: null,
        header: { labelAngle: 0, labelOrient: 'top', labelAnchor: 'start', labelPadding: 2 },
        spacing: 6,
      },
      x: {
        field: 'from',
        type: 'quantitative',
        bin: { binned: true },
        axis: { title, tickCount: 6, grid: false },
        scale: { zero: false },
      },
      x2: { field: 'to' },
      y: { field: 'share', type: 'quantitative', axis: { title: null, format: '%', tickCount: 2 } },
      color: { field: 'step', type: 'nominal', sort: [...totals.keys()], legend: null },
    },
  };
}

/** What a run did when: a bar a phase, a row an iteration of an arm. */
export function timelineChart(intervals: readonly PhaseInterval[]): TopLevelSpec {
  const start = Math.min(...intervals.map(({ from }) => from.getTime()));
  const whole = Math.max(...intervals.map(({ to }) => to.getTime())) - start;
  const [unit, milliseconds] =
    whole > 48 * 3_600_000 ? ['days', 86_400_000] : whole > 5_400_000 ? ['hours', 3_600_000] : ['minutes', 60_000];
  const values = intervals.map(({ arm, iteration, phase, from, to }) => ({
    place: `${arm} i${iteration}`,
    phase,
    from: (from.getTime() - start) / milliseconds,
    to: (to.getTime() - start) / milliseconds,
  }));
  const places = [...new Set(values.map(({ place }) => place))];
  const phases = [...new Set(values.map(({ phase }) => phase))];
  return {
    data: { values },
    width: 2 * CHART.width - 60,
    height: { step: 20 },
    mark: { type: 'bar', height: 13 },
    encoding: {
      y: { field: 'place', type: 'nominal', sort: places, axis: { title: null, labelLimit: 120 } },
      x: { field: 'from', type: 'quantitative', axis: { title: unit, tickCount: 8 }, scale: { nice: false } },
      x2: { field: 'to' },
      color: { field: 'phase', type: 'nominal', sort: phases, legend: { columns: 5 } },
    },
  };
}
