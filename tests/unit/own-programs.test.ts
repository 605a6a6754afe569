import { expect, test } from 'vitest';
import { jobPrograms } from '../../activities/clusters/cluster-context.ts';
import { readConfig } from '../../workers/config.ts';

const ENVIRONMENT = {
  THOUGHTLOOP_DATA: '/data',
  DATABASE_URL: 'postgresql://user@localhost/thoughtloop',
  THOUGHTLOOP_PYTHON: '/python',
};

const PROGRAMS = [
  { variable: 'THOUGHTLOOP_TRAINER', takes: 'train', of: /deploy\/trainer\/train\.py$/ },
  { variable: 'THOUGHTLOOP_SERVER', takes: 'serve', of: /deploy\/server\/serve\.py$/ },
] as const;

const programs = (environment: Record<string, string>): ReturnType<typeof jobPrograms> => {
  const { python, trainer, server } = readConfig({ ...ENVIRONMENT, ...environment });
  return jobPrograms(python, { trainer, server });
};

test.each(PROGRAMS)(
  'a program in $variable takes the place of `$takes`, and of nothing else',
  ({ variable, takes }) => {
    expect(programs({ [variable]: '/own.sh' })).toEqual({ ...programs({}), [takes]: ['/own.sh'] });
  },
);

test.each(PROGRAMS)('without $variable it is ours, run by the environment’s python', ({ takes, of }) => {
  expect(programs({})[takes]).toEqual(['/python', expect.stringMatching(of)]);
});

test.each(PROGRAMS)(
  'a relative path in $variable is refused: a worker’s folder is not the person’s',
  ({ variable }) => {
    expect(() => readConfig({ ...ENVIRONMENT, [variable]: 'own.sh' })).toThrow(new RegExp(variable));
  },
);
