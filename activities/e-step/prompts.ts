import type { Fidelity } from '../../workflows/contract/recipe.ts';

/** What of a model is needed to splice prompts: token ids and the number of positions. */
export interface PromptModel {
  /** BOS. */
  readonly beginning: number;
  readonly markers: {
    readonly startOfLatent: number;
    readonly endOfLatent: number;
    readonly priorPrefix: number;
    readonly posteriorPrefix: number;
  };
  /** Positions of the model, in tokens. */
  readonly contextLength: number;
}

/** A chunk and the raw text before it, as token ids, each piece encoded by itself. */
export interface ChunkText {
  /** Context of the document: raw text that never gets a thought; may be empty. */
  readonly context: readonly number[];
  /** Earlier chunks shown before this one, oldest first. */
  readonly before: readonly (readonly number[])[];
  /** X, the chunk. */
  readonly chunk: readonly number[];
}

/** A sequence to score: the log probabilities of `ids[from]` … count. */
export interface ScoredSequence {
  readonly ids: readonly number[];
  readonly from: number;
}

/** Prompts of a chunk. */
export interface ChunkPrompts {
  readonly kind: 'prompts';
  /** Prompt from which thoughts are sampled until EOL. */
  readonly propose: readonly number[];
  /**
   * Joint sequences of all candidates of the chunk, in their order. Thoughts come without their end; EOL is put behind
   * each. All candidates are given together because the released code cuts them all by the longest.
   */
  readonly score: (thoughts: readonly (readonly number[])[]) => ScoredSequence[];
  /** Earlier chunks in the prefix. */
  readonly prefixChunks: number;
}

/** A chunk that has no prompt the model can hold. */
export interface ChunkTooLong {
  readonly kind: 'too-long';
  /** Tokens needed with an empty prefix. */
  readonly needed: number;
  /** Tokens there are. */
  readonly limit: number;
}

/**
 * The prompts of a chunk with prefix C and text X (BoLT, algorithm of the E-step):
 *
 *     propose   BOS C SOL EOL X SOL POST     → Z EOL
 *     score     BOS C SOL PRI Z EOL X        → log p over Z, EOL, X
 *
 * `corrected`: the prompt and the longest thought fit the context; if they do not, whole earlier chunks are left out,
 * oldest first, then the document's context; the chunk itself is never cut. The same prefix is used for both prompts.
 *
 * `released` does what the authors' code does (ryoungj/BoLT@024315f, apps/main/latent_bootstrap.py):
 * - the first chunk of a document (empty prefix) is proposed from `BOS X SOL POST`, without `SOL EOL` (lines 242-247);
 * - PRI counts within log p (lines 138, 181-182);
 * - a proposal prompt keeps its last contextLength − maxThought tokens, so that BOS, the prefix and at last the start of
 *   the chunk are lost (generate.py 557-565);
 * - joint sequences are cut by the overflow of the longest of the K: from the front of BOS and prefix, then from the end
 *   of the chunk, all K by the same number (lines 135-156). The limit is one less than theirs, since current vLLM wants
 *   room for one generated token.
 *
 * @param maxThought longest thought in tokens, EOL included
 */
export function chunkPrompts(
  fidelity: Fidelity,
  model: PromptModel,
  text: ChunkText,
  maxThought: number,
): ChunkPrompts | ChunkTooLong {
  return fidelity === 'corrected' ? corrected(model, text, maxThought) : released(model, text, maxThought);
}

function corrected(model: PromptModel, text: ChunkText, maxThought: number): ChunkPrompts | ChunkTooLong {
  const { startOfLatent, endOfLatent, priorPrefix, posteriorPrefix } = model.markers;
  // BOS, SOL, EOL, SOL, POST around prefix and chunk. Scoring needs less: BOS, SOL, PRI, one generated token.
  const fixed = 5 + text.chunk.length + maxThought;
  if (fixed > model.contextLength) return { kind: 'too-long', needed: fixed, limit: model.contextLength };

  const pieces = [text.context, ...text.before];
  let room = model.contextLength - fixed - pieces.reduce((sum, piece) => sum + piece.length, 0);
  const before = [...text.before];
  while (room < 0 && before.length > 0) room += before.shift()?.length ?? 0;
  const context = room < 0 ? [] : text.context;

  const prefix = [model.beginning, ...context, ...before.flat()];
  return {
    kind: 'prompts',
    propose: [...prefix, startOfLatent, endOfLatent, ...text.chunk, startOfLatent, posteriorPrefix],
    score: (thoughts) =>
      thoughts.map((thought) => ({
        ids: [...prefix, startOfLatent, priorPrefix, ...thought, endOfLatent, ...text.chunk],
        from: prefix.length + 2,
      })),
    prefixChunks: before.length,
  };
}

function released(model: PromptModel, text: ChunkText, maxThought: number): ChunkPrompts | ChunkTooLong {
  const { startOfLatent, endOfLatent, priorPrefix, posteriorPrefix } = model.markers;
  const limit = model.contextLength - 1;
  // SOL PRI Z EOL and one token of the chunk must be left when everything else is cut.
  const least = maxThought + 4;
  if (least > limit) return { kind: 'too-long', needed: least, limit };

  const raw = [...text.context, ...text.before.flat()];
  const opening = raw.length === 0 ? [] : [...raw, startOfLatent, endOfLatent];
  const whole = [model.beginning, ...opening, ...text.chunk, startOfLatent, posteriorPrefix];
  const prefix = [model.beginning, ...raw];
  return {
    kind: 'prompts',
    propose: whole.slice(-(model.contextLength - maxThought)),
    score: (thoughts) => {
      const longest = thoughts.reduce((most, thought) => Math.max(most, thought.length), 0);
      const over = Math.max(0, prefix.length + 3 + longest + text.chunk.length - limit);
      const kept = prefix.slice(Math.min(over, prefix.length));
      const chunk = text.chunk.slice(0, text.chunk.length - Math.max(0, over - prefix.length));
      return thoughts.map((thought) => ({
        ids: [...kept, startOfLatent, priorPrefix, ...thought, endOfLatent, ...chunk],
        from: kept.length + 1,
      }));
    },
    prefixChunks: text.before.length,
  };
}
