import { OPERATIONAL_PATHS, SAMPLING_PATHS, type Recipe } from '../../workflows/contract/recipe.ts';
import type { Contradictions } from './contradictions.ts';
import { recipeDifferences } from './difference.ts';
import { filePath } from './names.ts';
import type { RecipeProblem } from './problems.ts';

/** What cannot be changed in a fork, and why: path in the recipe file of a key or of a whole table. */
const FIXED: readonly (readonly [path: string, because: string])[] = [
  ['seed', 'every draw of what is shared derives from it'],
  ['model', 'the base model is shared'],
  ['corpus.name', 'what is shared was trained on it'],
  ['corpus.warm_start', 'the base model’s tokenizer and M_0 were made of it'],
  ['warm-start', 'M_0 was trained with it'],
];

/** What cannot be changed besides where EM iterations are shared. */
const FIXED_WITH_ITERATIONS: readonly (readonly [path: string, because: string])[] = [
  ['corpus.train', 'the thoughts of the shared iterations are of it'],
  ['segmentation', 'the thoughts of the shared iterations are of chunks that were cut by it'],
  ['fidelity', 'the thoughts of the shared iterations were sampled and weighed by it'],
];

const OPERATIONAL: ReadonlySet<string> = new Set(OPERATIONAL_PATHS.map((path) => filePath(path.split('.'))));

/** Settings that a held-out bound depends on, besides its own table. */
const BOUND = ['segmentation', 'fidelity', 'e-step.max_thought_tokens'];

/**
 * Checks what a fork changes in the recipe of its source. What made the base model, M_0, or the data of shared iterations
 * is fixed, and so are measures of which shared models have a figure under the same name. What an iteration does, which
 * arms there are, how many iterations (no fewer than are shared), and the machinery may change: it holds from the
 * iteration after the fork on.
 *
 * @param source resolved recipe of the run that is forked
 * @param recipe the fork's
 * @param iteration the last one that is shared
 */
export function forkRules(source: Recipe, recipe: Recipe, iteration: number): Contradictions {
  const errors: RecipeProblem[] = [];
  const warnings: RecipeProblem[] = [];
  const changed = recipeDifferences(source, recipe)
    .map(({ path }) => path)
    .filter((path) => path !== 'name' && !OPERATIONAL.has(path));
  const under = (path: string): string[] => changed.filter((found) => found === path || found.startsWith(`${path}.`));

  for (const [path, because] of FIXED) {
    if (under(path).length > 0) errors.push(fixed(under(path), because, 'start another run with it'));
  }
  for (const [path, because] of iteration === 0 ? [] : FIXED_WITH_ITERATIONS) {
    if (under(path).length > 0) {
      errors.push(fixed(under(path), because, 'fork from iteration 0, or start another run with it'));
    }
  }
  errors.push(...lengthProblems(recipe, iteration), ...measureProblems(source, recipe));

  const bound = BOUND.flatMap(under);
  if (recipe.evaluation.heldOut !== null && source.evaluation.heldOut !== null && bound.length > 0) {
    warnings.push({
      path: 'evaluation.held-out',
      message: `Held-out figures of the shared models were measured with other ${names(bound)}: compare them with care`,
    });
  }
  // Arms have a K of their own.
  const loop = [...under('e-step'), ...under('m-step')].filter((path) => path !== 'e-step.samples');
  warnings.push(...armWarnings(recipe, iteration, loop));
  return { errors, warnings };
}

const names = (paths: readonly string[]): string => paths.map((path) => `\`${path}\``).join(', ');

function fixed(paths: readonly string[], because: string, remedy: string): RecipeProblem {
  return { path: paths[0] ?? '', message: `${names(paths)} cannot be changed in a fork, since ${because}: ${remedy}` };
}

function lengthProblems({ iterations, arms }: Recipe, iteration: number): RecipeProblem[] {
  const path = 'iterations';
  if (iterations < iteration) {
    return [
      {
        path,
        message: `Expected \`iterations\` to be at least the ${iteration} that are shared, got \`${iterations}\`: fork from an earlier iteration`,
      },
    ];
  }
  if (iterations > iteration || arms.length > 0) return [];
  return [
    {
      path,
      message: `Expected something to do after iteration ${iteration}, found no more iterations and no arms: --set iterations=${iteration + 1}`,
    },
  ];
}

/** Figures of one name must be of one thing: they stand in one table and on one curve. */
function measureProblems(source: Recipe, recipe: Recipe): RecipeProblem[] {
  const problems: RecipeProblem[] = [];
  for (const [index, benchmark] of recipe.evaluation.benchmarks.entries()) {
    const before = source.evaluation.benchmarks.find(({ name }) => name === benchmark.name);
    if (before === undefined) continue;
    // Where the file was is no matter: its digest says what it holds.
    const differences = recipeDifferences({ ...before, file: '' }, { ...benchmark, file: '' });
    if (differences.length === 0) continue;
    problems.push({
      path: `evaluation.benchmarks.${index}`,
      message: `Benchmark \`${benchmark.name}\` cannot be another one in a fork (${differences.map(({ path }) => path).join(', ')}), since the shared models have figures of that name: give it another name`,
    });
  }
  const { heldOut } = recipe.evaluation;
  if (heldOut !== null && source.evaluation.heldOut !== null) {
    const differences = recipeDifferences(source.evaluation.heldOut, heldOut, ['evaluation', 'heldOut']);
    if (differences.length > 0) {
      const paths = differences.map(({ path }) => path);
      problems.push(fixed(paths, 'the shared models have held-out figures with it', 'start another run with it'));
    }
  }
  return problems;
}

/** Arms that run the whole loop are compared with one whose first iterations were run with other settings. */
function armWarnings({ arms }: Recipe, iteration: number, changed: readonly string[]): RecipeProblem[] {
  if (iteration === 0 || changed.length === 0) return [];
  const sampling: readonly string[] = SAMPLING_PATHS.map((path) => filePath(path.split('.')));
  const own = changed.some((path) => sampling.includes(path)) ? ', and samples iteration 1 itself' : '';
  return arms.flatMap(({ name, kind }, index) =>
    kind === 'latent'
      ? [
          {
            path: `arms.${index}`,
            message: `Arm \`${name}\` runs all iterations with the changed ${names(changed)}${own}; the EM loop those from ${iteration + 1} on`,
          },
        ]
      : [],
  );
}
