export { baseline } from './baseline.ts';
export { eStep } from './e-step.ts';
export { evaluation } from './evaluation.ts';
export { fleet } from './fleet.ts';
export { iteration } from './iteration.ts';
export { run } from './run.ts';
export { shardBatch } from './shard-batch.ts';
export { baseModel, training } from './training.ts';
export { warmStart } from './warm-start.ts';
