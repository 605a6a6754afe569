import { otherHost } from '../stack/stack-host.ts';
import { readState } from '../stack/stack-state.ts';
import { readStack } from '../stack/stack.ts';
import { right, wrong, type Check } from './check.ts';

/** The embedded stack of the data folder: none where there never was one, since a production set-up needs none. */
export function stackChecks(dataFolder: string): Check[] {
  const stack = readStack(dataFolder);
  if (stack === undefined || stack.status === 'stopped') return [];
  const name = 'stack';
  const other = otherHost(readState(dataFolder));
  if (other !== undefined) {
    return [wrong(name, `${stack.status} on ${other}`, `Use it there; from here only workers may join (README.md).`)];
  }
  if (!stack.running) {
    return [wrong(name, stack.failure ?? `${stack.status}, without its supervisor`, 'Run `thoughtloop up`.')];
  }
  return stack.processes.map((process) => {
    const restarts = process.restarts === 0 ? '' : `, started again ${process.restarts} times`;
    const found = `${process.state}${restarts}`;
    return process.state === 'running'
      ? right(process.name, found)
      : wrong(process.name, found, `Read ${stack.logs}/${process.name}.log.`);
  });
}
