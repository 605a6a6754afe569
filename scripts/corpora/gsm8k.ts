import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gsm8kAnswer } from '../../activities/evaluation/gsm8k-answer.ts';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';
import { drawDistinct } from './draw-distinct.ts';
import { writeJsonLines, type WrittenFile } from './write-json-lines.ts';

/** A row of GSM8K (Cobbe et al. 2021): steps with `<<calculator>>` annotations, then `#### ` and the final answer. */
export interface Gsm8kRow {
  readonly question: string;
  readonly answer: string;
}

/** Rows of each split; teacher, EM and held-out rows come from the train file, test rows from the test file. */
export interface Gsm8kSettings {
  readonly teacher: number;
  readonly em: number;
  readonly heldOut: number;
  readonly test: number;
  readonly seed: number;
}

export const GSM8K_DEFAULTS: Gsm8kSettings = { teacher: 1_000, em: 4_000, heldOut: 200, test: 1_319, seed: 0 };

/** The corpus: lines for the import, and the test rows as they are. */
export interface Gsm8kCorpus {
  readonly teacher: readonly { context: string; chunks: readonly { text: string; thought: string }[] }[];
  readonly em: readonly { context: string; text: string }[];
  readonly heldOut: readonly { context: string; text: string }[];
  readonly test: readonly Gsm8kRow[];
}

/**
 * Puts GSM8K into the loop's form: the question is context, the final answer is the chunk, the human solution is the
 * teacher's thought. Only the teacher split shows solutions. Rows are drawn by the seed; no question comes in two splits.
 *
 * @throws OperatorError when there are not enough rows, or one has no solution or no final answer
 */
export function makeGsm8k(
  train: readonly Gsm8kRow[],
  test: readonly Gsm8kRow[],
  settings: Gsm8kSettings = GSM8K_DEFAULTS,
): Gsm8kCorpus {
  const asked = settings.teacher + settings.em + settings.heldOut;
  const testQuestions = new Set(test.map(({ question }) => question));
  const usable = [...new Map(train.map((row) => [row.question, row])).values()].filter(
    ({ question }) => !testQuestions.has(question),
  );
  requireRows('train', asked, usable.length, '--teacher, --em, --held-out');
  requireRows('test', settings.test, test.length, '--test');
  const rows = drawDistinct(asked, usable.length, settings.seed).map((index) => split(usable[index] as Gsm8kRow));
  const take = (count: number): ReturnType<typeof split>[] => rows.splice(0, count);
  return {
    teacher: take(settings.teacher).map(({ context, text, thought }) => ({ context, chunks: [{ text, thought }] })),
    em: take(settings.em).map(({ context, text }) => ({ context, text })),
    heldOut: take(settings.heldOut).map(({ context, text }) => ({ context, text })),
    test: test.slice(0, settings.test),
  };
}

/**
 * Reads `train.jsonl` and `test.jsonl` of one folder and writes `teacher.jsonl`, `em.jsonl`, `held-out.jsonl` and
 * `test.jsonl` (GSM8K's own rows) into another.
 */
export async function writeGsm8k(
  from: string,
  folder: string,
  settings: Gsm8kSettings = GSM8K_DEFAULTS,
): Promise<WrittenFile[]> {
  const corpus = makeGsm8k(
    await readRows(join(from, 'train.jsonl')),
    await readRows(join(from, 'test.jsonl')),
    settings,
  );
  return [
    await writeJsonLines(folder, 'teacher.jsonl', corpus.teacher),
    await writeJsonLines(folder, 'em.jsonl', corpus.em),
    await writeJsonLines(folder, 'held-out.jsonl', corpus.heldOut),
    await writeJsonLines(folder, 'test.jsonl', corpus.test),
  ];
}

function split({ question, answer }: Gsm8kRow): { context: string; text: string; thought: string } {
  const solution = gsm8kAnswer(answer);
  if (solution === null || solution.steps === '') {
    throw refusal(
      'steps, `####` and a final answer',
      `\`${answer.slice(0, 80)}\``,
      `question: ${question.slice(0, 80)}`,
    );
  }
  // The context ends with the line, so that neither piece depends on the other's first character when it is encoded.
  return {
    context: `Question: ${question.trim()}\n`,
    text: `Final Answer: ${solution.final}`,
    thought: solution.steps,
  };
}

async function readRows(file: string): Promise<Gsm8kRow[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw refusal(
      'GSM8K’s files train.jsonl and test.jsonl',
      error instanceof Error ? error.message : String(error),
      file,
    );
  });
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const row = parse(line);
    if (row !== null) return [row];
    throw refusal('{"question", "answer"}', `\`${line.slice(0, 80)}\``, `${file}:${index + 1}`);
  });
}

function parse(line: string): Gsm8kRow | null {
  try {
    const value = JSON.parse(line) as Partial<Record<keyof Gsm8kRow, unknown>> | null;
    if (typeof value?.question !== 'string' || typeof value.answer !== 'string') return null;
    return { question: value.question, answer: value.answer };
  } catch {
    return null;
  }
}

function requireRows(what: string, asked: number, there: number, where: string): void {
  if (asked > there) throw refusal(`at most ${there} rows of the ${what} file to be asked for`, `${asked}`, where);
}

function refusal(expected: string, found: string, where: string): OperatorError {
  const remedy = 'See `thoughtloop corpus make gsm8k --help`.';
  return new OperatorError({ expected, found, where, remedy, exitCode: EXIT_CODES.badInput });
}
