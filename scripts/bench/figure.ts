/** What a figure has to reach. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One figure of a bench. Ratios are of things measured in the same run, interleaved. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** Of the value: '×', 'share', 'events per 1,000 chunks', … */
  readonly unit: string;
  /** What was put over what, in one sentence. */
  readonly of: string;
  /** The values of the repetitions, whose median `value` is; absent where there was one. */
  readonly repetitions?: readonly number[];
  readonly target?: Target;
}

/** What a bench found. */
export interface BenchResult {
  readonly figures: readonly Figure[];
  /** What the figures were made from, and what else was seen. */
  readonly measured: Readonly<Record<string, unknown>>;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('Expected values to take the median of');
  return (upper + lower) / 2;
}

/** A figure from repetitions: their median. */
export function repeated(values: readonly number[], figure: Omit<Figure, 'value' | 'repetitions'>): Figure {
  return { ...figure, value: median(values), ...(values.length > 1 ? { repetitions: values } : {}) };
}

/** Whether a figure reaches its target; true where it has none. */
export function reached({ value, target }: Figure): boolean {
  if (target === undefined) return true;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** One line for people. */
export function figureLine(figure: Figure): string {
  const { name, value, unit, of, target, repetitions } = figure;
  const short = (number: number): string => String(Number(number.toPrecision(4)));
  const aim =
    target === undefined ? '' : 'atLeast' in target ? `, target ≥ ${target.atLeast}` : `, target ≤ ${target.atMost}`;
  const range =
    repetitions === undefined ? '' : ` (${short(Math.min(...repetitions))} … ${short(Math.max(...repetitions))})`;
  return `${reached(figure) ? '  ' : '✗ '}${name}: ${short(value)} ${unit}${range}${aim}\n      ${of}`;
}
