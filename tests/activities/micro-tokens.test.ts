import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../activities/vllm/tokenizer.ts';
import { makeMicro } from '../../scripts/corpora/micro.ts';

const python = process.env['THOUGHTLOOP_PYTHON'];
const PYTHON_PATH = ['trainer', 'python']
  .map((folder) => fileURLToPath(new URL(`../../deploy/${folder}`, import.meta.url)))
  .join(':');

const TRAIN = `
import sys
from pathlib import Path
from bpe import train_bpe
train_bpe(320, Path(sys.argv[1])).save_pretrained(sys.argv[2])`;

describe.skipIf(python === undefined)(
  'with the tokenizer that the trainer makes of it (skipped without THOUGHTLOOP_PYTHON)',
  () => {
    const corpus = makeMicro();
    let folder: string;
    let tokenizer: TextTokenizer;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'thoughtloop-micro-'));
      const texts = join(folder, 'texts.jsonl');
      const whole = corpus.teacher.map(
        ({ context, chunks }) => context + chunks.map((chunk) => chunk.thought + chunk.text).join(''),
      );
      writeFileSync(texts, whole.map((text) => `${JSON.stringify({ text })}\n`).join(''));
      mkdirSync(join(folder, 'model'));
      const trained = spawnSync(python as string, ['-c', TRAIN, texts, join(folder, 'model')], {
        encoding: 'utf8',
        env: { ...process.env, PYTHONPATH: PYTHON_PATH, PYTHONDONTWRITEBYTECODE: '1' },
      });
      if (trained.status !== 0) throw new Error(trained.stderr);
      tokenizer = await loadTokenizer(join(folder, 'model'));
    });

    afterAll(() => rmSync(folder, { recursive: true }));

    const words = (text: string): string[] => tokenizer.encode(text).map((id) => tokenizer.decode([id]));

    test('every digit and every word of the micro corpus is one token', () => {
      const { context, chunks } = corpus.teacher[0] ?? { context: '', chunks: [] };
      for (const text of [context, chunks[0]?.text ?? '', chunks[0]?.thought ?? '']) {
        expect(words(text)).toEqual(text.match(/ ?\S+/g));
      }
      for (const { context: question, text } of [...corpus.em, ...corpus.heldOut]) {
        expect(tokenizer.encode(question)).toHaveLength(7);
        expect(tokenizer.encode(text)).toHaveLength(5);
      }
    });

    test('pieces have the same tokens alone as within the whole text', () => {
      for (const { context, chunks } of corpus.teacher) {
        const { text, thought } = chunks[0] ?? { text: '', thought: '' };
        const apart = [context, thought, text].flatMap((piece) => tokenizer.encode(piece));
        expect(apart).toEqual(tokenizer.encode(context + thought + text));
        expect(tokenizer.decode(apart)).toBe(context + thought + text);
      }
    });
  },
);
