import { parse } from 'smol-toml';
import type { RecipeProblem } from './problems.ts';
import { filePath, recipePath } from './names.ts';

/** One `--set path=value`, with the path as in `Recipe`. */
export interface Override {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/**
 * Reads `path=value`, e.g. `e-step.samples=8`, `arms.0.samples=2`. The value is read as TOML; what is no TOML value is a
 * string, so that `m-step.init=base` needs no quotes.
 *
 * @returns the override, or what is wrong with it
 */
export function parseOverride(text: string): Override | { readonly problem: string } {
  const equals = text.indexOf('=');
  const path = text.slice(0, Math.max(0, equals)).trim();
  if (path === '') return { problem: `Expected path=value, e.g. e-step.samples=8, got \`${text}\`` };
  return { path: recipePath(path), value: tomlValue(text.slice(equals + 1).trim()) };
}

function tomlValue(text: string): unknown {
  try {
    return parse(`value = ${text}`)['value'];
  } catch {
    return text;
  }
}

/** The file's tables with the overrides put in; an override of an array's item needs the item to be there. */
export function withOverrides(
  tables: Record<string, unknown>,
  overrides: readonly Override[],
  problems: RecipeProblem[],
): Record<string, unknown> {
  const result = structuredClone(tables);
  for (const { path, value } of overrides) {
    let at: Record<string | number, unknown> = result;
    const last = path.at(-1) ?? '';
    let reached = true;
    for (const [depth, segment] of path.slice(0, -1).entries()) {
      if (at[segment] === undefined && !Array.isArray(at)) at[segment] = {};
      const next = at[segment];
      if (typeof next !== 'object' || next === null) {
        problems.push({
          path: '',
          message: `Expected a table at \`${filePath(path.slice(0, depth + 1))}\` for \`--set ${filePath(path)}\`, found ${
            Array.isArray(at) ? `${at.length} entries, counted from 0` : `\`${JSON.stringify(next)}\``
          }`,
        });
        reached = false;
        break;
      }
      at = next as Record<string | number, unknown>;
    }
    if (reached) at[last] = value;
  }
  return result;
}
