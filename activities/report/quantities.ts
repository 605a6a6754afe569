import type { Result } from '../store/results.ts';

/** Numbers as people read them. An unknown one shows as `–`. */

/** `4 s`, `3 min 20 s`, `5 h 12 min`, `2 d 4 h`. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
  const hours = Math.round(seconds / 3_600);
  return `${Math.floor(hours / 24)} d${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
}

/** `950`, `12,300`, `4.6 M`, `1.9 B`. */
export function quantity(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1e9) return `${short(value / 1e9)} B`;
  if (Math.abs(value) >= 1e6) return `${short(value / 1e6)} M`;
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return short(value);
}

/** `12 kB`, `3.4 GB`, in powers of ten. */
export function byteSize(value: number): string {
  for (const [size, unit] of [
    [1e12, 'TB'],
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const) {
    if (value >= size) return `${short(value / size)} ${unit}`;
  }
  return `${Math.round(value)} B`;
}

/** Three significant digits. */
const short = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 2 });

/** `0.718 ± 0.023`; `–` where there is no value. */
export function withError(value: number | null, standardError: number | null, digits = 3): string {
  if (value === null) return '–';
  const error = standardError === null ? '' : ` ± ${standardError.toFixed(digits)}`;
  return `${value.toFixed(digits)}${error}`;
}

/** `37 %`. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.floor((100 * part) / whole)} %`;
}

/** Time of day, `17:31:02`. */
export function clock(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

/** `M_2 latent`, with the trial where there are several, and with the run where that is another one. */
export function modelName(model: Pick<Result, 'run' | 'inherited' | 'arm' | 'iteration' | 'trial'>): string {
  const { arm, iteration, trial } = model;
  return `M_${iteration} ${arm}${trial === 0 ? '' : ` trial ${trial}`}${ofOther(model)}`;
}

/** ` of A` behind what a run shares with the run A that it was forked from, else nothing. */
export const ofOther = ({ run, inherited }: { readonly run: string; readonly inherited: boolean }): string =>
  inherited ? ` of ${run}` : '';
