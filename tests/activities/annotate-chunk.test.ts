import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { annotateChunk } from '../../activities/e-step/annotate-chunk.ts';
import { chunkPrompts } from '../../activities/e-step/prompts.ts';
import { pooledInference } from '../../activities/vllm/inference.ts';
import { ServerPool } from '../../activities/vllm/pool.ts';
import { FakeVllmServer } from '../support/fake-vllm-server.ts';
import { chiSquare, exactThoughts } from '../support/toy-exact.ts';
import type { ToyLanguageModel } from '../support/toy-language-model.ts';
import { TOY, writeToyModel } from '../support/toy-model.ts';

let folder: string;
let language: ToyLanguageModel;
let fake: FakeVllmServer;
let pool: ServerPool;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-annotate-'));
  language = await writeToyModel(folder, { favour: 3 });
  fake = await FakeVllmServer.start({ model: join(folder, 'model'), servedName: 'toy' });
  pool = new ServerPool({ admit: () => Promise.resolve({ kind: 'admitted' }), probePrompt: [TOY.beginning] });
  pool.setServers([{ url: fake.url, servedName: 'toy' }]);
});

afterAll(async () => {
  await pool.close();
  await fake.stop();
  await rm(folder, { recursive: true });
});

it('selects thoughts with the exact self-normalised frequencies, and q with those of the proposal', async () => {
  const model = { ...TOY, contextLength: 64 };
  const text = { context: [7, 8], before: [], chunk: [9, 11] };
  const settings = { samples: 2, maxThoughtTokens: 3, maxRounds: 1_000 };
  const prompts = chunkPrompts('corrected', model, text, settings.maxThoughtTokens);
  if (prompts.kind !== 'prompts') throw new Error('Expected prompts');
  const exact = exactThoughts(language, prompts, settings.maxThoughtTokens);
  const index = new Map(exact.map(({ ids }, i) => [ids.join(' '), i]));

  // P(selected = z) over both candidates, given that at least one of them ended by EOL.
  const q = exact.map(({ logQ }) => Math.exp(logQ));
  const w = exact.map(({ logP, logQ }) => Math.exp(logP - logQ));
  const finished = q.reduce((total, value) => total + value, 0);
  const given = 1 - (1 - finished) ** 2;
  const selected = exact.map((_, z) => {
    const pairs = exact.reduce(
      (total, _other, y) => total + ((q[y] ?? 0) * (w[z] ?? 0)) / ((w[z] ?? 0) + (w[y] ?? 0)),
      0,
    );
    return (2 * (q[z] ?? 0) * (pairs + (1 - finished))) / given;
  });
  expect(selected.reduce((total, value) => total + value, 0)).toBeCloseTo(1, 9);

  const chosen = exact.map(() => 0);
  const proposed = exact.map(() => 0);
  const ports = { inference: pooledInference(pool), model, fidelity: 'corrected', settings } as const;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < 3_000) {
      const place = { seed: 1, iteration: 1, document: next++, chunk: 0 };
      const outcome = await annotateChunk({ place, text }, ports, { group: 'test' });
      if (outcome.kind !== 'selected') throw new Error(`Expected a choice, got ${outcome.rejection}`);
      for (const [k, { tokenIds, finish }] of outcome.candidates.entries()) {
        if (finish !== 'stop') continue;
        const thought = index.get(tokenIds.join(' ')) ?? -1;
        proposed[thought] = (proposed[thought] ?? 0) + 1;
        if (k === outcome.selected) chosen[thought] = (chosen[thought] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));

  expect(chosen.reduce((total, count) => total + count, 0)).toBe(3_000);
  // Mean + 4 standard deviations of chi-square; fixed seeds, so it either always passes or never.
  const limit = (freedom: number): number => freedom + 4 * Math.sqrt(2 * freedom);
  const choice = chiSquare(chosen, selected);
  expect(choice.freedom).toBeGreaterThan(15);
  expect(choice.statistic).toBeLessThan(limit(choice.freedom));
  const proposal = chiSquare(
    proposed,
    q.map((value) => value / finished),
  );
  expect(proposal.statistic).toBeLessThan(limit(proposal.freedom));
  // The choice is not the proposal: a selection that ignores the weights fails here.
  const unweighted = chiSquare(
    chosen,
    q.map((value) => value / finished),
  );
  expect(unweighted.statistic).toBeGreaterThan(2 * limit(unweighted.freedom));
});
