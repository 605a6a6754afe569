import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importFile } from '../../activities/corpus/import.ts';
import type { Recipe } from '../../workflows/contract/recipe.ts';
import { MICRO_DEFAULTS, writeMicro } from '../corpora/micro.ts';
import { loadRecipe, type LoadedRecipe } from '../recipe/load.ts';
import { startRun } from '../run/start-run.ts';
import { makeLoadCorpus, PROBLEMS } from './load-corpus.ts';
import { stretchesOf } from './whereabouts.ts';
import type { Stretch } from './schedule.ts';
import type { World } from './world.ts';

/** A run that the harness can start again under the same recipe. */
export interface HarnessRun {
  readonly name: string;
  readonly recipe: Recipe;
  readonly stretches: readonly Stretch[];
  /** Problems of its benchmark. */
  readonly problems: number;
  readonly start: () => Promise<void>;
}

const recipeFile = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function harnessRun(world: World, loaded: LoadedRecipe, problems: number): HarnessRun {
  const { recipe } = loaded;
  const arms = recipe.arms.flatMap(({ kind, name }) => (kind === 'latent' ? [name] : []));
  return {
    name: recipe.name,
    recipe,
    problems,
    stretches: stretchesOf(recipe.iterations, arms),
    start: async () => {
      await startRun(world.database, world.data, world.data, loaded);
    },
  };
}

/** The load run (load.toml) under a name. @param documents of its corpus, which all load runs of a stack share. */
export async function loadRun(world: World, name: string, documents: number): Promise<HarnessRun> {
  const corpus = join(world.data, 'chaos', 'corpus');
  await makeLoadCorpus(world.database, corpus, documents);
  const loaded = await loadRecipe(recipeFile('./load.toml'), { set: [`name=${name}`], variables: { data: corpus } });
  return harnessRun(world, loaded, PROBLEMS);
}

/** The demo's recipe, made small. */
const SMALL = {
  name: 'real',
  iterations: 2,
  'warm-start.steps': 150,
  'warm-start.checkpoint_every': 25,
  'm-step.steps': 60,
  'm-step.checkpoint_every': 15,
  'e-step.samples': 2,
  'e-step.shard_documents': 20,
  'e-step.concurrency': 2,
  'e-step.chunks_in_flight': 4,
  'e-step.max_rejected': 1,
  'evaluation.held-out.documents': 8,
  'evaluation.held-out.samples': 2,
};

const REAL_DOCUMENTS = 400;
const REAL_PROBLEMS = 16;

/** The run on real vLLM servers and real trainings. */
export async function realRun(world: World): Promise<HarnessRun> {
  const corpus = join(world.data, 'chaos', 'micro');
  await writeMicro(corpus, { ...MICRO_DEFAULTS, em: REAL_DOCUMENTS, heldOut: 8, test: REAL_PROBLEMS });
  for (const split of ['teacher', 'em', 'held-out']) {
    await importFile(world.database, { file: join(corpus, `${split}.jsonl`), corpus: 'micro', split });
  }
  const set = Object.entries(SMALL).map(([path, value]) => `${path}=${value}`);
  const loaded = await loadRecipe(recipeFile('../../deploy/recipes/micro.toml'), { set, variables: { data: corpus } });
  return harnessRun(world, loaded, REAL_PROBLEMS);
}
