import { Command, InvalidArgumentError } from 'commander';
import type { Assumptions } from '../plan/assumptions.ts';
import { print, printJson } from '../output.ts';
import { dataOption } from './data-option.ts';
import { setOption, variableOption, type RecipeOptions } from './recipe-options.ts';

interface PlanOptions extends RecipeOptions, Partial<Omit<Assumptions, 'pricePerHour'>> {
  readonly data?: string;
  readonly price?: number;
  readonly resolved?: boolean;
  readonly json?: boolean;
}

const HELP = `
Starts nothing and writes nothing. Without --resolved it reads the corpus in the store.

Example:
  thoughtloop plan deploy/recipes/micro.toml --var data=micro
  thoughtloop plan recipe.toml --sampled-per-second 9000 --trained-per-second 60000 --price 2.5
  thoughtloop plan recipe.toml --resolved > full.toml`;

/** `thoughtloop plan`. */
export function planCommand(): Command {
  return new Command('plan')
    .description('check a recipe and say what its run will take')
    .argument('<recipe>', 'recipe file (TOML)')
    .addOption(setOption())
    .addOption(variableOption())
    .option('--resolved', 'print the whole recipe, defaults written out, and nothing else')
    .option('--characters-per-token <n>', 'of the tokenizer', positive)
    .option('--thought-tokens <n>', 'mean length of a thought', positive)
    .option('--sampled-per-second <n>', 'tokens that one server generates', positive)
    .option('--scored-per-second <n>', 'tokens that one server scores', positive)
    .option('--trained-per-second <n>', 'tokens of one training', positive)
    .option('--server-start-seconds <n>', 'from submission to the first answer', positive)
    .option('--price <n>', 'of an hour of one server or training', positive)
    .addOption(dataOption())
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async (file: string, options: PlanOptions) => {
      const { loadRecipe } = await import('../recipe/load.ts');
      const loaded = await loadRecipe(file, { set: options.set, variables: options.var });
      if (options.resolved === true) {
        const { renderRecipe } = await import('../recipe/render.ts');
        if (options.json === true) printJson({ recipe: loaded.recipe, digest: loaded.digest });
        else print(`# sha256 ${loaded.digest}\n\n${renderRecipe(loaded.recipe).trimEnd()}`);
        return;
      }
      const { planRun } = await import('../plan/plan-run.ts');
      const { planText } = await import('../plan/plan-text.ts');
      const { withStore } = await import('../run/store-access.ts');
      const { price, ...given } = options;
      const plan = await withStore(options.data, (database) =>
        planRun(database, loaded, { ...assumptionsOf(given), ...(price === undefined ? {} : { pricePerHour: price }) }),
      );
      if (options.json === true) printJson(plan);
      else print(planText(plan));
    });
}

const GIVEN = [
  'charactersPerToken',
  'thoughtTokens',
  'sampledPerSecond',
  'scoredPerSecond',
  'trainedPerSecond',
  'serverStartSeconds',
] as const;

function assumptionsOf(options: Omit<PlanOptions, 'price'>): Partial<Assumptions> {
  return Object.fromEntries(GIVEN.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}
