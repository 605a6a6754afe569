import { join } from 'node:path';
import { select } from '../../../activities/e-step/selection.ts';
import { chunkPrompts } from '../../../activities/e-step/prompts.ts';
import { selectionDraw } from '../../../activities/e-step/seeds.ts';
import { weigh } from '../../../activities/e-step/weights.ts';
import { chunkTexts } from '../../../activities/segmentation/segment.ts';
import type { Queryable } from '../../../activities/store/pool.ts';
import { readModelDescription, type ModelDescription } from '../../../activities/vllm/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../../../activities/vllm/tokenizer.ts';
import type { ToyLanguageModel } from '../../../tests/support/toy-language-model.ts';
import { readToyModel } from '../../../tests/support/toy-model.ts';
import type { Recipe } from '../../../workflows/contract/recipe.ts';
import { invariant, type Invariant } from './invariant.ts';

/** Rounding of sums of some dozens of log probabilities that were written and read as decimal numbers; nats. */
const TOLERANCE = 1e-9;

interface StoredCandidate {
  readonly ids: readonly number[];
  readonly logQ: number;
  readonly logP: number | null;
  readonly finish: string;
  readonly selected: boolean;
}

interface StoredDocument {
  readonly document: number;
  readonly context: string | null;
  readonly text: string;
  readonly ends: readonly number[];
  readonly chunks: readonly { readonly chunk: number; readonly candidates: readonly StoredCandidate[] }[];
}

interface Sampler {
  readonly language: ToyLanguageModel;
  readonly description: ModelDescription;
  readonly tokenizer: TextTokenizer;
}

/**
 * Every candidate that a run on toy models stored is what the model says, to the last digit: log q, log p, and the choice
 * among them, computed anew from the documents, the models' tables and the recipe's seed.
 */
export async function weightInvariants(
  database: Queryable,
  data: string,
  run: string,
  recipe: Recipe,
): Promise<Invariant[]> {
  const steps = await database.query<{ eStep: number; arm: string; iteration: number; folder: string }>(
    `select e_step as "eStep", e.arm, e.iteration, c.folder from e_steps e
       join checkpoints c on c.digest = e.checkpoint and c.run = e.run where e.run = $1 order by 1`,
    [run],
  );
  const broken: string[] = [];
  let looked = 0;
  for (const { eStep, arm, iteration, folder } of steps.rows) {
    const model = join(data, folder, 'model');
    const sampler: Sampler = {
      language: await readToyModel(model),
      description: await readModelDescription(model),
      tokenizer: await loadTokenizer(model),
    };
    for (const document of await storedDocuments(database, eStep)) {
      for (const { chunk, candidates } of document.chunks) {
        looked += candidates.length;
        const place = `${arm}/${iteration} document ${document.document} chunk ${chunk}`;
        const wrong = compare(sampler, recipe, iteration, document, chunk, candidates);
        if (wrong !== undefined) broken.push(`${place}: ${wrong}`);
      }
    }
  }
  return [invariant('log q, log p and the choice are those of the model and the seed', `${looked} candidates`, broken)];
}

function compare(
  { language, description, tokenizer }: Sampler,
  { fidelity, eStep, seed }: Recipe,
  iteration: number,
  { document, context, text, ends }: StoredDocument,
  chunk: number,
  candidates: readonly StoredCandidate[],
): string | undefined {
  const texts = chunkTexts(text, ends).map((piece) => tokenizer.encode(piece));
  const before = texts.slice(Math.max(0, chunk - eStep.prefixChunks), chunk);
  const pieces = { context: tokenizer.encode(context ?? ''), before, chunk: texts[chunk] ?? [] };
  const prompts = chunkPrompts(fidelity, description, pieces, eStep.maxThoughtTokens);
  if (prompts.kind === 'too-long') return 'candidates of a chunk that is too long';

  const { endOfLatent } = description.markers;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const score = (ids: readonly number[], from: number): number => sum(language.score(ids, from));
  for (const { ids, logQ, logP, finish } of candidates) {
    const ending = finish === 'stop' ? [endOfLatent] : finish === 'end' ? [description.end] : [];
    const trueQ = score([...prompts.propose, ...ids, ...ending], prompts.propose.length);
    if (Math.abs(trueQ - logQ) > TOLERANCE) return `log q ${logQ}, the model says ${trueQ}`;
    if ((logP === null) === (finish === 'stop')) return `log p ${logP} of a thought that ended by ${finish}`;
    if (logP === null) continue;
    const [joint] = prompts.score([ids]);
    const trueP = joint === undefined ? NaN : score(joint.ids, joint.from);
    if (!(Math.abs(trueP - logP) <= TOLERANCE)) return `log p ${logP}, the model says ${trueP}`;
  }
  const { probabilities } = weigh(candidates.map(({ logP, logQ }) => (logP === null ? null : { logP, logQ })));
  const chosen = select(probabilities, selectionDraw({ seed, iteration, document, chunk }));
  const stored = candidates.findIndex(({ selected }) => selected);
  return chosen === stored ? undefined : `candidate ${stored} selected, the seed says ${chosen}`;
}

async function storedDocuments(database: Queryable, eStep: number): Promise<StoredDocument[]> {
  const { rows } = await database.query<StoredDocument>(
    `with candidates as (
       select document, chunk, jsonb_agg(jsonb_build_object('ids', token_ids, 'logQ', log_q, 'logP', log_p,
                'finish', finish, 'selected', selected) order by candidate) as candidates
         from thoughts where e_step = $1 group by 1, 2)
     select document, d.context, d.text, cuts.ends,
            jsonb_agg(jsonb_build_object('chunk', chunk, 'candidates', candidates)) as chunks
       from candidates join e_steps e on e.e_step = $1
       join documents d on d.corpus = e.corpus and d.split = e.split and d.ordinal = document
       join cuts on cuts.corpus = e.corpus and cuts.split = e.split and cuts.segmentation = e.segmentation
        and cuts.ordinal = document
      group by document, d.context, d.text, cuts.ends`,
    [eStep],
  );
  return rows;
}
