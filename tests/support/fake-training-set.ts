import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainingSetRef } from '../../workflows/contract/references.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Writes a training set of one part that only its manifest and its digests make one; another `content`, another set. */
export function fakeTrainingSet(dataFolder: string, folder: string, content = 'one'): TrainingSetRef {
  mkdirSync(join(dataFolder, folder), { recursive: true });
  const file = 'part-00000.jsonl.zst';
  writeFileSync(join(dataFolder, folder, file), content);
  const extent = { documents: 4, chunks: 8, tokens: 100, rawTokens: 60 };
  const manifest = {
    parts: [{ file, sha256: sha256(content), documents: 4, tokens: 100 }],
    vocabulary: 12,
    markers: { startOfLatent: 3, endOfLatent: 4, priorPrefix: 5, posteriorPrefix: 6 },
    source: { kind: 'raw' },
    ...extent,
    leftOut: 0,
  };
  const text = JSON.stringify(manifest);
  writeFileSync(join(dataFolder, folder, 'manifest.json'), text);
  return { folder, digest: sha256(text), ...extent };
}
