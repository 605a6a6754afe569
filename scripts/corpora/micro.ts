import { OperatorError, EXIT_CODES } from '../operator-error.ts';
import { drawDistinct } from './draw-distinct.ts';
import { runningSums, sumChunk, sumContext, sumThought } from './running-sums.ts';
import { writeJsonLines, type WrittenFile } from './write-json-lines.ts';

/** Extent of the micro corpus; numbers of documents. */
export interface MicroSettings {
  readonly teacher: number;
  readonly em: number;
  readonly heldOut: number;
  readonly test: number;
  /** m: sums are taken modulo it, digits are below it. 2 … 10. */
  readonly modulus: number;
  /** Digits of a question. */
  readonly digits: number;
  readonly seed: number;
}

export const MICRO_DEFAULTS: MicroSettings = {
  teacher: 100,
  em: 1_500,
  heldOut: 200,
  test: 400,
  modulus: 7,
  digits: 4,
  seed: 0,
};

/** The micro corpus: lines for the import, and problems for a benchmark. */
export interface MicroCorpus {
  readonly teacher: readonly { context: string; chunks: readonly { text: string; thought: string }[] }[];
  readonly em: readonly { context: string; text: string }[];
  readonly heldOut: readonly { context: string; text: string }[];
  readonly test: readonly { problem: string; answer: string }[];
}

/**
 * Makes up the micro corpus: sums of digits modulo m (running-sums.ts). No question comes twice, in one split or in two.
 * The same settings give the same corpus.
 *
 * @throws OperatorError when there are not enough different questions, or a setting is out of range
 */
export function makeMicro(settings: MicroSettings = MICRO_DEFAULTS): MicroCorpus {
  const { teacher, em, heldOut, test, modulus, digits, seed } = settings;
  if (modulus < 2 || modulus > 10)
    refuse('a modulus from 2 to 10', `${modulus}`, '--modulus', 'Choose one digit sums.');
  if (digits < 2 || digits > 8) refuse('2 to 8 digits', `${digits}`, '--digits', 'Choose another number.');
  const asked = teacher + em + heldOut + test;
  const there = modulus ** digits;
  if (asked > there) {
    refuse(
      `at most ${there} documents (${modulus} digits in ${digits} places)`,
      `${asked}`,
      '--teacher, --em, --held-out, --test',
      'Ask for fewer documents, or raise --digits or --modulus.',
    );
  }
  const questions = drawDistinct(asked, there, seed).map((number) => digitsOf(number, modulus, digits));
  const take = (count: number): number[][] => questions.splice(0, count);
  return {
    teacher: take(teacher).map((question) => {
      const sums = runningSums(question, modulus);
      return { context: sumContext(question), chunks: [{ text: chunkOf(sums), thought: sumThought(sums) }] };
    }),
    em: take(em).map((question) => document(question, modulus)),
    heldOut: take(heldOut).map((question) => document(question, modulus)),
    test: take(test).map((question) => ({
      problem: sumContext(question),
      answer: chunkOf(runningSums(question, modulus)).trim(),
    })),
  };
}

/** Writes `teacher.jsonl`, `em.jsonl`, `held-out.jsonl` and `test.jsonl` into a folder. */
export async function writeMicro(folder: string, settings: MicroSettings = MICRO_DEFAULTS): Promise<WrittenFile[]> {
  const corpus = makeMicro(settings);
  return [
    await writeJsonLines(folder, 'teacher.jsonl', corpus.teacher),
    await writeJsonLines(folder, 'em.jsonl', corpus.em),
    await writeJsonLines(folder, 'held-out.jsonl', corpus.heldOut),
    await writeJsonLines(folder, 'test.jsonl', corpus.test),
  ];
}

function document(question: readonly number[], modulus: number): { context: string; text: string } {
  return { context: sumContext(question), text: chunkOf(runningSums(question, modulus)) };
}

function chunkOf(sums: readonly number[]): string {
  return sumChunk(sums.at(-1) ?? 0);
}

function digitsOf(number: number, base: number, places: number): number[] {
  return Array.from({ length: places }, (_, place) => Math.floor(number / base ** place) % base);
}

function refuse(expected: string, found: string, where: string, remedy: string): never {
  throw new OperatorError({ expected, found, where, remedy, exitCode: EXIT_CODES.badInput });
}
