import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointRef } from '../../workflows/contract/references.ts';

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Vouches for the model and the fingerprint in a folder as a trainer does, with `DONE.json`. */
export function writeDoneMarker(dataFolder: string, folder: string, key: string): CheckpointRef {
  const output = join(dataFolder, folder);
  const names = [...readdirSync(join(output, 'model')).map((name) => `model/${name}`), 'fingerprint.json'].sort();
  const files = Object.fromEntries(names.map((name) => [name, sha256(readFileSync(join(output, name)))]));
  const digest = sha256(names.map((name) => `${name} ${files[name]}\n`).join(''));
  writeFileSync(join(output, 'DONE.json'), JSON.stringify({ key, digest, files, steps: 1, tokens: 1, loss: 1 }));
  return { key, digest, folder };
}
