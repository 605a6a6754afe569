import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BareClientReport, BareClientSettings } from './programs/bare-client.ts';
import { sampleBody, scoreBody, type SampleRequest } from '../../activities/vllm/request-bodies.ts';
import { program, SERVED_NAME, type World } from './world.ts';

/** A line of a sampler's record. */
type Recorded = { readonly sample: SampleRequest } | { readonly score: readonly (readonly number[])[] };

/**
 * Turns a sampler's record into bodies as they went over the wire, one a line, in the order they were sent.
 *
 * @param which sampling requests alone, or all
 * @returns the file, and how many there are
 */
export function writeBodies(
  folder: string,
  record: string,
  which: 'sample' | 'all',
  model = SERVED_NAME,
): { readonly file: string; readonly count: number } {
  const lines = readFileSync(record, 'utf8').trimEnd().split('\n');
  const bodies = lines
    .map((line) => JSON.parse(line) as Recorded)
    .flatMap((entry) => {
      if ('sample' in entry) return [sampleBody(model, entry.sample)];
      return which === 'all' ? [scoreBody(model, entry.score)] : [];
    });
  const file = join(folder, `bodies-${which}.jsonl`);
  writeFileSync(file, bodies.map((body) => `${JSON.stringify(body)}\n`).join(''));
  return { file, count: bodies.length };
}

/** Runs the bare client to its end. */
export async function runBareClient(world: World, settings: BareClientSettings): Promise<BareClientReport> {
  const client = world.node(program('./programs/bare-client.ts'), settings);
  const report = await client.next<BareClientReport>();
  await world.end(client, 'SIGTERM');
  return report;
}
