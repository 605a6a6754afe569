const HEADER = /^\s*(\[{1,2})\s*([\w."'-]+)\s*\]{1,2}/;
const KEY = /^\s*([\w"'-]+(?:\s*\.\s*[\w"'-]+)*)\s*=/;

/**
 * Where the paths of a recipe file stand: path (`e-step.samples`, `arms.0.name`) → line, counted from 1. Tables that
 * are written inline and the inside of multi-line strings have no lines of their own.
 */
export function lineIndex(toml: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  let table = '';
  let quote: string | undefined;
  for (const [index, line] of toml.split('\n').entries()) {
    if (quote !== undefined) {
      if (line.includes(quote)) quote = undefined;
      continue;
    }
    const header = HEADER.exec(line);
    const key = header === null ? KEY.exec(line) : null;
    if (header !== null) {
      const name = plain(header[2] ?? '');
      if (header[1] === '[[') {
        const count = counts.get(name) ?? 0;
        counts.set(name, count + 1);
        table = `${name}.${count}`;
      } else {
        table = name;
      }
      lines.set(table, index + 1);
    } else if (key !== null) {
      lines.set(table === '' ? plain(key[1] ?? '') : `${table}.${plain(key[1] ?? '')}`, index + 1);
    }
    const opened = /("""|''')/.exec(line)?.[1];
    if (opened !== undefined && line.split(opened).length === 2) quote = opened;
  }
  return lines;
}

/**
 * Line of a path or of the nearest table around it. The table of a sub-table of an array (`evaluation.benchmarks.0.shots`)
 * is found the same way.
 */
export function lineOf(index: ReadonlyMap<string, number>, path: string): number | undefined {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const line = index.get(at);
    if (line !== undefined) return line;
  }
  return undefined;
}

const plain = (key: string): string => key.replace(/["'\s]/g, '');
