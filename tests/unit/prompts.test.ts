import { describe, expect, it } from 'vitest';
import { isEligible, thoughtIds } from '../../activities/e-step/eligibility.ts';
import { chunkPrompts, type ChunkPrompts, type ChunkText } from '../../activities/e-step/prompts.ts';

const BOS = 0;
const [SOL, EOL, PRI, POST] = [101, 102, 103, 104] as const;
const model = {
  beginning: BOS,
  markers: { startOfLatent: SOL, endOfLatent: EOL, priorPrefix: PRI, posteriorPrefix: POST },
  contextLength: 20,
};
const Z = [50, 51];

function prompts(
  fidelity: 'corrected' | 'released',
  text: Partial<ChunkText>,
  maxThought = 6,
  contextLength = 20,
): ChunkPrompts {
  const found = chunkPrompts(
    fidelity,
    { ...model, contextLength },
    { context: [], before: [], chunk: [9], ...text },
    maxThought,
  );
  if (found.kind !== 'prompts') throw new Error(`Expected prompts, got ${JSON.stringify(found)}`);
  return found;
}

describe('corrected prompts', () => {
  it('propose from BOS C SOL EOL X SOL POST, score BOS C SOL PRI Z EOL X from Z on', () => {
    const { propose, score, prefixChunks } = prompts('corrected', { context: [1], before: [[2], [3]], chunk: [4, 5] });
    expect(propose).toEqual([BOS, 1, 2, 3, SOL, EOL, 4, 5, SOL, POST]);
    expect(score([Z, []])).toEqual([
      { ids: [BOS, 1, 2, 3, SOL, PRI, ...Z, EOL, 4, 5], from: 6 },
      { ids: [BOS, 1, 2, 3, SOL, PRI, EOL, 4, 5], from: 6 },
    ]);
    expect(prefixChunks).toBe(2);
  });

  it('the first chunk has the same form with an empty prefix', () => {
    const { propose, score } = prompts('corrected', { chunk: [4] });
    expect(propose).toEqual([BOS, SOL, EOL, 4, SOL, POST]);
    expect(score([Z])).toEqual([{ ids: [BOS, SOL, PRI, ...Z, EOL, 4], from: 3 }]);
  });

  it('leave out whole earlier chunks, oldest first, then the context, from both prompts', () => {
    // 5 around it, 6 for the thought, 2 of the chunk: 7 tokens are left for the prefix.
    const text = {
      context: [1, 1],
      before: [
        [2, 2, 2],
        [3, 3, 3],
        [4, 4],
      ],
      chunk: [5, 5],
    };
    const { propose, score, prefixChunks } = prompts('corrected', text);
    expect(propose).toEqual([BOS, 1, 1, 3, 3, 3, 4, 4, SOL, EOL, 5, 5, SOL, POST]);
    expect(propose.length + 6).toBe(20);
    expect(score([Z])[0]?.ids.slice(0, 8)).toEqual(propose.slice(0, 8));
    expect(prefixChunks).toBe(2);
    const tight = prompts('corrected', text, 6, 14);
    expect(tight.propose).toEqual([BOS, SOL, EOL, 5, 5, SOL, POST]);
    expect(tight.prefixChunks).toBe(0);
  });

  it('fit the context with the longest thought and one generated token, or the chunk is too long', () => {
    for (let length = 1; length < 20; length += 1) {
      const chunk = Array.from({ length }, () => 9);
      const found = chunkPrompts('corrected', model, { context: [1, 1, 1], before: [[2, 2]], chunk }, 6);
      if (length > 9) {
        expect(found).toEqual({ kind: 'too-long', needed: 11 + length, limit: 20 });
        continue;
      }
      if (found.kind !== 'prompts') throw new Error('Expected prompts');
      expect(found.propose.length + 6).toBeLessThanOrEqual(20);
      expect((found.score([[1, 1, 1, 1, 1]])[0]?.ids.length ?? 99) + 1).toBeLessThanOrEqual(20);
    }
  });

  it('only a thought that ended by EOL is eligible', () => {
    expect((['stop', 'end', 'length'] as const).map((finish) => isEligible('corrected', finish))).toEqual([
      true,
      false,
      false,
    ]);
    expect(thoughtIds([1, 2, EOL], 'stop')).toEqual([1, 2]);
    expect(thoughtIds([1, 2, 3], 'length')).toEqual([1, 2, 3]);
  });
});

describe('released prompts', () => {
  it('the first chunk is proposed without SOL EOL, and PRI counts within log p', () => {
    const { propose, score } = prompts('released', { chunk: [4, 5] });
    expect(propose).toEqual([BOS, 4, 5, SOL, POST]);
    expect(score([Z])).toEqual([{ ids: [BOS, SOL, PRI, ...Z, EOL, 4, 5], from: 2 }]);
  });

  it('later chunks are proposed as in the corrected mode', () => {
    const { propose } = prompts('released', { before: [[2, 3]], chunk: [4] });
    expect(propose).toEqual([BOS, 2, 3, SOL, EOL, 4, SOL, POST]);
  });

  it('a proposal keeps its last contextLength − maxThought tokens, so that BOS and the oldest text go first', () => {
    const { propose } = prompts('released', { before: [[1, 2, 3, 4, 5, 6, 7, 8]], chunk: [9, 10] });
    expect(propose).toEqual([1, 2, 3, 4, 5, 6, 7, 8, SOL, EOL, 9, 10, SOL, POST]);
    const long = Array.from({ length: 30 }, (_, i) => i + 1);
    expect(prompts('released', { chunk: long }).propose).toEqual([...long.slice(-12), SOL, POST]);
  });

  it('joint sequences are all cut by the overflow of the longest: prefix from its front, then chunk from its end', () => {
    const { score } = prompts('released', { before: [[1, 2, 3, 4]], chunk: [9, 10, 11, 12, 13, 14, 15, 16] });
    // BOS and 4, SOL PRI EOL, thought of 5, chunk of 8: 21 of 19.
    expect(score([[50, 51, 52, 53, 54], [60]])).toEqual([
      { ids: [2, 3, 4, SOL, PRI, 50, 51, 52, 53, 54, EOL, 9, 10, 11, 12, 13, 14, 15, 16], from: 4 },
      { ids: [2, 3, 4, SOL, PRI, 60, EOL, 9, 10, 11, 12, 13, 14, 15, 16], from: 4 },
    ]);
    const long = Array.from({ length: 20 }, (_, i) => i + 1);
    const [first, second] = prompts('released', { before: [[70]], chunk: long }).score([[50, 51], []]);
    // 2 of prefix and 6 of the chunk go.
    expect(first).toEqual({ ids: [SOL, PRI, 50, 51, EOL, ...long.slice(0, 14)], from: 1 });
    expect(second).toEqual({ ids: [SOL, PRI, EOL, ...long.slice(0, 14)], from: 1 });
  });

  it('every thought is eligible; EOL is put behind what has none', () => {
    expect((['stop', 'end', 'length'] as const).map((finish) => isEligible('released', finish))).toEqual([
      true,
      true,
      true,
    ]);
    expect(prompts('released', {}).score([thoughtIds([50, 1], 'end')])[0]?.ids).toEqual([BOS, SOL, PRI, 50, EOL, 9]);
  });
});
