import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';

const program = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const PREPARE = program('deploy/trainer/prepare.py');
export const TRAIN = program('deploy/trainer/train.py');
export const SERVE = program('deploy/server/serve.py');
export const TOY_TRAINER = program('tests/support/toy-trainer.ts');
const PRINT_ROWS = program('tests/support/print_rows.py');

export const NO_PYTHON = process.env['THOUGHTLOOP_PYTHON'] === undefined;

/** The Python with transformers and vLLM; the tests that need it are skipped without. */
export const python = (): string => process.env['THOUGHTLOOP_PYTHON'] ?? 'python3';

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A program that runs, and its end. */
export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function start(args: readonly string[], program = python()): Started {
  const process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  process.stdout.on('data', (data: Buffer) => (output += data.toString()));
  process.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    process.once('error', reject);
    process.once('close', (code) => {
      resolve({ code, output, errors });
    });
  });
  return { process, ended };
}

/** Starts a program, of Python or of Node, on a spec, which is written into `folder`. */
export function startOn(file: string, spec: Readonly<Record<string, unknown>>, folder: string): Started {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `spec-${createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 8)}.json`);
  writeFileSync(path, JSON.stringify(spec));
  return start([file, '--spec', path], file.endsWith('.ts') ? process.execPath : python());
}

export const runOn = (file: string, spec: Readonly<Record<string, unknown>>, folder: string): Promise<Ended> =>
  startOn(file, spec, folder).ended;

export const readJson = <Value>(...path: string[]): Value => JSON.parse(readFileSync(join(...path), 'utf8')) as Value;

/** A document of a training set. */
export interface TrainingDocument {
  readonly id: number;
  readonly context?: readonly number[];
  readonly chunks: readonly { readonly z?: readonly number[]; readonly x: readonly number[] }[];
}

/**
 * Writes a training set in two parts.
 * @param extra Further fields of the manifest.
 * @returns path of the manifest
 */
export function writeTrainingSet(
  folder: string,
  documents: readonly TrainingDocument[],
  extra: Readonly<Record<string, unknown>> = {},
): string {
  mkdirSync(folder, { recursive: true });
  const half = Math.ceil(documents.length / 2);
  const parts = [documents.slice(0, half), documents.slice(half)].map((some, number) => {
    const bytes = zstdCompressSync(some.map((document) => `${JSON.stringify(document)}\n`).join(''));
    const file = `part-${number}.jsonl.zst`;
    writeFileSync(join(folder, file), bytes);
    return { file, sha256: createHash('sha256').update(bytes).digest('hex'), documents: some.length };
  });
  const manifest = join(folder, 'manifest.json');
  writeFileSync(manifest, JSON.stringify({ parts, ...extra }));
  return manifest;
}

/** A base model of 0.04 million parameters: its spec for prepare.py. */
export function tinyBase(folder: string, changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  mkdirSync(folder, { recursive: true });
  const texts = join(folder, 'texts.jsonl');
  writeFileSync(
    texts,
    ['Add up 3 6 2 5 .', ' It ends in 2 .', ' Then 2 4 2'].map((text) => JSON.stringify({ text })).join('\n'),
  );
  return {
    kind: 'prepare',
    key: 'test/base',
    output: join(folder, 'base'),
    seed: 3,
    source: {
      kind: 'random',
      hidden: 32,
      layers: 1,
      heads: 1,
      keyValueHeads: 1,
      intermediate: 64,
      contextLength: 64,
      initializerRange: 0.08,
      tieEmbeddings: true,
    },
    tokenizer: { kind: 'train-bpe', vocabularySize: 280, texts },
    ...changes,
  };
}

/** Content of a prepared model's thoughtloop.json. */
export interface ModelFacts {
  readonly beginning: number;
  readonly end: number;
  readonly markers: Readonly<Record<'startOfLatent' | 'endOfLatent' | 'priorPrefix' | 'posteriorPrefix', number>>;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly parameters: number;
}

/** Writes a model folder with nothing in it but thoughtloop.json: enough to lay out rows. */
export function writeFacts(folder: string): ModelFacts {
  mkdirSync(folder, { recursive: true });
  const facts = {
    beginning: 0,
    end: 1,
    markers: { startOfLatent: 90, endOfLatent: 91, priorPrefix: 92, posteriorPrefix: 93 },
    vocabularySize: 94,
    contextLength: 64,
    parameters: 1,
  };
  writeFileSync(join(folder, 'thoughtloop.json'), JSON.stringify(facts));
  return facts;
}

/** How rows are to be laid out. */
export interface RowsAsked {
  readonly layout: 'document' | 'chunk';
  readonly form: 'random' | 'prior' | 'posterior';
  readonly prefixChunks: number;
  readonly seed: number;
  readonly packing: boolean;
  readonly length: number;
  readonly rows: number;
  readonly tokens: number;
  readonly batch: number;
}

/** What print_rows.py answers. */
export interface Rows {
  readonly rows: readonly (readonly number[])[];
  readonly account: { readonly tokens: number; readonly truncated: number };
  readonly lengths: readonly (readonly [planned: number, real: number])[];
  readonly order: readonly (readonly number[])[];
  readonly steps: number;
}

/** The rows that the trainer would read; `folder` holds a model (writeFacts) and gets the unpacked set. */
export async function layOut(folder: string, manifest: string, asked: RowsAsked): Promise<Rows> {
  const { code, output, errors } = await start([
    PRINT_ROWS,
    join(folder, 'unpacked'),
    folder,
    manifest,
    JSON.stringify(asked),
  ]).ended;
  if (code !== 0) throw new Error(errors);
  return JSON.parse(output) as Rows;
}
