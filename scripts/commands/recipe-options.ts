import { InvalidArgumentError, Option } from 'commander';

/** Options of every command that reads a recipe. */
export interface RecipeOptions {
  readonly set: readonly string[];
  readonly var: Readonly<Record<string, string>>;
}

/**
 * `--set path=value`, repeatable.
 * @param example a path that the command takes, and a value
 */
export function setOption(example = 'e-step.samples=8'): Option {
  return new Option('--set <path=value>', `set one value of the recipe, e.g. ${example}; repeatable`)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([], 'none');
}

/** `--var name=value`, repeatable: values of `{name}` in the recipe's paths. */
export function variableOption(): Option {
  return new Option('--var <name=value>', 'value of {name} in paths of the recipe, e.g. data=FOLDER; repeatable')
    .argParser((value: string, before: Readonly<Record<string, string>>) => {
      const equals = value.indexOf('=');
      if (equals <= 0) throw new InvalidArgumentError('Expected name=value.');
      return { ...before, [value.slice(0, equals)]: value.slice(equals + 1) };
    })
    .default({}, 'data from THOUGHTLOOP_SHARED_DATA');
}
