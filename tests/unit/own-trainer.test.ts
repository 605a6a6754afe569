import { expect, test } from 'vitest';
import { jobPrograms } from '../../activities/clusters/cluster-context.ts';
import { readConfig } from '../../workers/config.ts';

const ENVIRONMENT = {
  THOUGHTLOOP_DATA: '/data',
  DATABASE_URL: 'postgresql://user@localhost/thoughtloop',
  THOUGHTLOOP_PYTHON: '/python',
};

test('a trainer of one’s own takes the place of train.py, and of nothing else', () => {
  const { python, trainer } = readConfig({ ...ENVIRONMENT, THOUGHTLOOP_TRAINER: '/trainer.sh' });
  expect(jobPrograms(python, trainer)).toEqual({ ...jobPrograms(python), train: ['/trainer.sh'] });
});

test('without one it is the reference trainer, run by the environment’s python', () => {
  const { python, trainer } = readConfig(ENVIRONMENT);
  expect(jobPrograms(python, trainer).train).toEqual(['/python', expect.stringMatching(/deploy\/trainer\/train\.py$/)]);
});

test('a relative path of a trainer is refused: a worker’s folder is not the person’s', () => {
  expect(() => readConfig({ ...ENVIRONMENT, THOUGHTLOOP_TRAINER: 'trainer.sh' })).toThrow(/THOUGHTLOOP_TRAINER/);
});
