import { expect, it } from 'vitest';
import { workerSpecs } from '../../scripts/stack/child-spec.ts';

const metrics = (env: NodeJS.ProcessEnv): (string | undefined)[] =>
  workerSpecs(2, env).map((spec) => spec.env['THOUGHTLOOP_METRICS']);

it('the workers of a stack have their metrics at successive ports, the control worker at the one that is named', () => {
  expect(metrics({ THOUGHTLOOP_METRICS: '127.0.0.1:9464' })).toEqual([
    '127.0.0.1:9464',
    '127.0.0.1:9465',
    '127.0.0.1:9466',
    '127.0.0.1:9467',
    '127.0.0.1:9468',
  ]);
  expect(metrics({})).toEqual(Array.from({ length: 5 }, () => undefined));
});
