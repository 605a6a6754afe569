import { stringify } from 'smol-toml';
import type { Recipe, TrainingSettings } from '../../workflows/contract/recipe.ts';
import { fileName } from './names.ts';

/** The resolved recipe as a recipe file: every default written out, benchmark files pinned by digest. */
export function renderRecipe(recipe: Recipe): string {
  // Spelled out, since the store does not keep the order of keys.
  const { name, seed, fidelity, iterations, corpus, model, segmentation, eStep, arms, evaluation, fleet } = recipe;
  const warmStart = withoutBudget(recipe.warmStart);
  const mStep = withoutBudget(recipe.mStep);
  const tables = {
    ...{ name, seed, fidelity, iterations, corpus, model, segmentation },
    ...{ warmStart, eStep, mStep, arms, evaluation, fleet },
  };
  return `${stringify(withFileNames(tables))}\n`;
}

function withoutBudget<Settings extends TrainingSettings>({ budget, ...rest }: Settings): object {
  return { ...budget, ...rest };
}

/** Names as in a file; a value that is null is one that a file leaves out. */
function withFileNames(value: unknown, inside?: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withFileNames(item, inside));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([name, item]) => [fileName(name, inside), withFileNames(item, name)]),
  );
}
