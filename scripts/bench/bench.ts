/**
 * `npm run bench -- --json [--quick] [--only NAME,…]`: measures what the program costs and prints each figure as a ratio
 * of things measured in the same run. Text for people goes to stderr, JSON to stdout; ends with 1 when a target is missed.
 */
import { Command, InvalidArgumentError } from 'commander';
import { BENCHES, type BenchName } from './benches.ts';
import { environment } from '../environment.ts';
import { figureLine, reached, type BenchResult } from './figure.ts';

interface Options {
  readonly only?: readonly BenchName[];
  readonly quick?: boolean;
  readonly json?: boolean;
}

const NAMES = Object.keys(BENCHES) as BenchName[];

async function run({ only = NAMES, quick = false, json = false }: Options): Promise<number> {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const machine = environment();
  tell(
    `${machine.cores} × ${machine.processor}, ${machine.memoryGigabytes} GB, ${machine.system}, Node ${machine.node}`,
  );
  if (quick) tell('--quick: every bench runs, and no figure means anything');
  const benches: Record<string, BenchResult & { readonly seconds: number }> = {};
  let missed = 0;
  for (const name of NAMES.filter((each) => only.includes(each))) {
    tell(`\n${name}: ${BENCHES[name].what}`);
    const began = performance.now();
    const result = await BENCHES[name].run({ quick, tell });
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    benches[name] = { seconds, ...result };
    for (const figure of result.figures) tell(`  ${figureLine(figure)}`);
    tell(`    ${seconds} s`);
    if (!quick) missed += result.figures.filter((figure) => !reached(figure)).length;
  }
  if (json) process.stdout.write(`${JSON.stringify({ environment: machine, quick, benches }, null, 1)}\n`);
  return missed === 0 ? 0 : 1;
}

const names = (text: string): BenchName[] =>
  text.split(',').map((name) => {
    if (!Object.hasOwn(BENCHES, name)) throw new InvalidArgumentError(`Expected benches of ${NAMES.join(', ')}.`);
    return name as BenchName;
  });

await new Command('bench')
  .description('measure what sampling costs, as ratios of things measured in one run')
  .option('--only <names>', `of ${NAMES.join(', ')}`, names)
  .option('--quick', 'make each bench as small as it goes: shows that it runs, not what it measures')
  .option('--json', 'print all figures as JSON to stdout')
  .addHelpText('after', '\nExample:\n  npm run bench -- --json --only throughput,saturation > figures.json')
  .action(async (options: Options) => {
    process.exitCode = await run(options);
  })
  .parseAsync();
