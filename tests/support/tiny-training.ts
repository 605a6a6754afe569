/** Spec of a training of a few steps on a tiny model; `init`, `trainingSet` and `output` are given by the test. */
export function tinyTraining(changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    kind: 'train',
    key: 'test/training',
    seed: 5,
    steps: 60,
    batch: 8,
    sequenceLength: 32,
    optimizer: { learningRate: 0.005, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.1, clip: 1 },
    schedule: { kind: 'cosine', warmupSteps: 5, finalRatio: 0.05 },
    precision: 'float32',
    checkpointEvery: 20,
    layout: 'chunk',
    packing: false,
    form: 'random',
    prefixChunks: 3,
    checkpointsKept: 1,
    logEvery: 3,
    threads: 1,
    ...changes,
  };
}
