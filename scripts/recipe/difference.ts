import { canonicalJson } from './digest.ts';
import { filePath } from './names.ts';

/** A path whose value differs between two recipes. */
export interface RecipeDifference {
  /** Path in the recipe file. */
  readonly path: string;
  /** Values before and after; undefined where one recipe has none. */
  readonly old: unknown;
  readonly new: unknown;
}

/** Paths at which two recipes differ, down to single keys, in the order of the first recipe. */
export function recipeDifferences(
  old: unknown,
  current: unknown,
  path: readonly (string | number)[] = [],
): RecipeDifference[] {
  if (canonicalJson(old ?? null) === canonicalJson(current ?? null)) return [];
  if (!isContainer(old) || !isContainer(current) || Array.isArray(old) !== Array.isArray(current)) {
    return [{ path: filePath(path), old, new: current }];
  }
  const [before, after] = [old as Record<string, unknown>, current as Record<string, unknown>];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) =>
    recipeDifferences(before[key], after[key], [...path, Array.isArray(old) ? Number(key) : key]),
  );
}

const isContainer = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** One line a difference: `path: old → new`. */
export function describeDifference({ path, old, new: current }: RecipeDifference): string {
  return `${path}: ${shown(old)} → ${shown(current)}`;
}

const shown = (value: unknown): string => (value === undefined ? '(none)' : JSON.stringify(value));
