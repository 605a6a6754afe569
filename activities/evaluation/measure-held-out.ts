import {
  HELD_OUT,
  type Fidelity,
  type PromptForm,
  type SegmentationSettings,
} from '../../workflows/contract/recipe.ts';
import type { Metric } from '../../workflows/contract/references.ts';
import { GroupCommit } from '../e-step/group-commit.ts';
import { failure } from '../failure.ts';
import { chunkTexts, segment, segmentEvenly } from '../segmentation/segment.ts';
import { findSplit, type CorpusSplit } from '../store/corpora.ts';
import { readDocuments, type StoredDocument } from '../store/documents.ts';
import { finishEvaluation, openEvaluation } from '../store/evaluations.ts';
import { insertLikelihoods, likelihoods, type LikelihoodRow } from '../store/likelihoods.ts';
import type { Inference } from '../vllm/inference.ts';
import { SpecialTokenInTextError } from '../vllm/tokenizer.ts';
import { documentBound, documentNll, type HeldOutDocument, type LikelihoodModel } from './document-likelihood.ts';
import { eachAtOnce } from './each-at-once.ts';
import type { EvaluationKey, EvaluationPorts } from './evaluation-ports.ts';
import { heldOutMetrics } from './held-out-metrics.ts';
import { heldOutSeed } from './held-out-seed.ts';
import { isRefusal, requestFailure } from './request-failure.ts';

/** Likelihoods of one checkpoint. */
export interface HeldOutTask {
  readonly key: EvaluationKey;
  readonly corpus: { readonly name: string; readonly split: string };
  /** Documents to measure: the first of the split. */
  readonly documents: number;
  /** K. */
  readonly samples: number;
  /** Longest thought, in tokens, EOL included. */
  readonly maxThoughtTokens: number;
  readonly segmentation: SegmentationSettings;
  /** `raw` models have an NLL and no bound. */
  readonly form: PromptForm;
  readonly fidelity: Fidelity;
  /** Seed of the run. */
  readonly seed: number;
  /** Sequences under way at once. */
  readonly concurrency: number;
}

/** What the figures depend on besides the checkpoint: stored with them. */
function recordedSettings(task: HeldOutTask): unknown {
  const { corpus, documents, form, segmentation } = task;
  const common = { corpus: corpus.name, split: corpus.split, documents, form, segmentation };
  if (form === 'raw') return common;
  const { samples, maxThoughtTokens, fidelity, seed } = task;
  return { ...common, samples, maxThoughtTokens, fidelity, seed };
}

/**
 * Measures NLL and bound of held-out documents; every document is a row, and begun again only what has none is measured.
 *
 * @throws failure CorpusInvalid, RecipeInvalid (the model can hold none of the documents), NoServer, ServerLost,
 *   WrongWeights, LeaseLost; the signal's reason after `signal`
 */
export async function measureHeldOut(task: HeldOutTask, ports: EvaluationPorts): Promise<readonly Metric[]> {
  const { key, corpus } = task;
  const { database } = ports;
  const opened = await openEvaluation(database, { ...key, benchmark: HELD_OUT, settings: recordedSettings(task) });
  if (opened.kind === 'finished') return opened.metrics;

  const split = await findSplit(database, corpus.name, corpus.split, key.run ?? undefined);
  if (split === null || split.documents === 0) {
    throw failure('CorpusInvalid', `Expected documents in split ${corpus.split} of corpus ${corpus.name}, found none`);
  }
  const asked = Math.min(task.documents, split.documents);
  await measureAll(task, split, asked, ports);

  const rows = await likelihoods(database, key.evaluation);
  if (rows.length === 0) {
    const limit = ports.model.description.contextLength;
    throw failure('RecipeInvalid', `Expected held-out documents that fit ${limit} tokens, found none of ${asked}`);
  }
  return finishEvaluation(database, key.evaluation, key.checkpoint, heldOutMetrics(rows, asked));
}

/** Gives every document that the model can hold its row. */
async function measureAll(task: HeldOutTask, split: CorpusSplit, asked: number, ports: EvaluationPorts): Promise<void> {
  const { evaluation, checkpoint } = task.key;
  const { database, signal } = ports;
  const measured = new Set((await likelihoods(database, evaluation)).map(({ document }) => document));
  const missing = Array.from({ length: asked }, (_, ordinal) => ordinal).filter((ordinal) => !measured.has(ordinal));
  let done = asked - missing.length;
  ports.onProgress({ done, total: asked });
  if (missing.length === 0) return;

  // Each document has up to K sequences at a server at once.
  const width = task.form === 'latent' ? Math.ceil(task.concurrency / task.samples) : task.concurrency;
  const commits = new GroupCommit<LikelihoodRow>(
    (rows) => insertLikelihoods(database, evaluation, checkpoint, rows),
    width,
  );
  const measure = async (inference: Inference): Promise<void> => {
    try {
      await eachAtOnce(missing, width, signal, async (ordinal, stop) => {
        const [document] = await readDocuments(database, split, ordinal, ordinal + 1);
        const row = document === undefined ? null : await measureDocument(task, document, ports, inference, stop);
        if (row !== null) await commits.add(row);
        done += 1;
        ports.onProgress({ done, total: asked });
      });
    } finally {
      await commits.flush();
    }
  };
  try {
    await ports.withInference(measure);
  } catch (thrown) {
    throw requestFailure(thrown);
  }
}

/** The document's chunks: as its file cuts it, else by the run's segmentation (`released`: evenly, as the authors' validation). */
function cuts({ text, givenEnds }: StoredDocument, { segmentation, fidelity }: HeldOutTask): readonly number[] {
  if (givenEnds !== null) return givenEnds;
  return fidelity === 'released' && segmentation.kind === 'sentences'
    ? segmentEvenly(text, segmentation.meanSentences)
    : segment(text, segmentation);
}

/** Figures of one document; null when it has no NLL: the model or its servers cannot hold it, or it has a special token. */
async function measureDocument(
  task: HeldOutTask,
  stored: StoredDocument,
  { model }: EvaluationPorts,
  inference: Inference,
  signal: AbortSignal,
): Promise<LikelihoodRow | null> {
  const { key, form, fidelity, samples, maxThoughtTokens } = task;
  const { description, tokenizer } = model;
  const purpose = { group: key.evaluation, affinity: `${key.evaluation}/${stored.ordinal}`, signal };
  const server: LikelihoodModel = {
    sample: async (request) => (await inference.sample(request, purpose)).answer,
    score: async (sequences) => (await inference.score(sequences, purpose)).answer,
  };
  const place = { seed: task.seed, iteration: key.iteration, document: stored.ordinal };
  const seed = (chunk: number): number => heldOutSeed({ ...place, chunk });
  try {
    const document: HeldOutDocument = {
      context: tokenizer.encode(stored.context ?? ''),
      chunks: chunkTexts(stored.text, cuts(stored, task)).map((text) => tokenizer.encode(text)),
    };
    const nll = await documentNll(server, description, document);
    if (nll === null) return null;
    const bound =
      form === 'raw'
        ? { elbo: null, sampledTokens: 0 }
        : await documentBound(server, description, document, { fidelity, samples, maxThoughtTokens, seed });
    const tokens = document.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return { document: stored.ordinal, tokens, nll, ...bound };
  } catch (thrown) {
    if (isRefusal(thrown) || thrown instanceof SpecialTokenInTextError) return null;
    throw thrown;
  }
}
