import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Bench, BenchContext } from '../bench-contract.ts';
import { BENCH_E_STEP, listServers, makeCorpus, planBench } from '../bench-corpus.ts';
import { median, type BenchResult, type Figure } from '../figure.ts';
import type { CorpusStep, StepReport } from '../programs/corpus-step.ts';
import { processorSeconds } from '../processor-time.ts';
import { program, SERVED_NAME, World } from '../world.ts';

/**
 * What grows with the corpus: the memory of a sampler that samples the same number of shards of E-steps over ever larger
 * corpora, and time and memory of import, plan and export. Each is a process of its own; its memory is the most it had.
 */
export const scale: Bench = {
  what: 'memory of a sampler at 10³, 10⁵ and 10⁶ documents; time and memory of import, plan and export',
  run: measure,
};

const SHARDS = 8;

async function measure({ quick, tell }: BenchContext): Promise<BenchResult> {
  const world = await World.start();
  try {
    const sizes = quick ? [400, 800] : [1_000, 100_000, 1_000_000];
    const memory: Record<number, readonly number[]> = {};
    for (const documents of sizes) {
      memory[documents] = await samplerMemory(world, documents, quick ? 1 : 3);
      tell(
        `  sampler at ${documents} documents: ${memory[documents].map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`).join(', ')}`,
      );
    }
    const [smallest = 0, largest = 0] = [sizes[0], sizes.at(-1)];
    const steps: Record<string, Measured[]> = {};
    for (const documents of quick ? [200, 400] : [32_000, 160_000]) {
      for (const step of await corpusSteps(world, documents)) {
        (steps[step.name] ??= []).push(step);
        tell(`  ${step.name} of ${documents}: ${step.seconds.toFixed(1)} s, ${(step.peakMemory / 1e6).toFixed(0)} MB`);
      }
    }
    const figures: Figure[] = [
      {
        name: 'sampler memory',
        value: median(memory[largest] ?? []) / median(memory[smallest] ?? []),
        unit: '×',
        of: `peak memory at ${largest} documents over that at ${smallest}; ${SHARDS} shards sampled`,
        target: { atMost: 1.1 },
      },
      ...Object.values(steps).flatMap(([small, large]) =>
        small === undefined || large === undefined ? [] : stepFigures(small, large),
      ),
      ...['plan', 'export'].map((step) => speedUp(step, steps)),
    ];
    return { figures, measured: { samplerBytes: memory, steps } };
  } finally {
    await world.stop();
  }
}

/** A step over a whole corpus. */
interface Measured {
  /** The step, and by how many processes. */
  readonly name: string;
  readonly documents: number;
  readonly seconds: number;
  /** Processor time of all its processes, and of PostgreSQL meanwhile, seconds. */
  readonly cpu: number;
  readonly databaseCpu: number;
  /** Most memory of one of them, bytes. */
  readonly peakMemory: number;
}

function speedUp(step: string, steps: Readonly<Record<string, readonly Measured[]>>): Figure {
  const [one, two] = [1, 2].map((processes) => steps[`${step} by ${processes}`]?.at(-1)?.seconds ?? NaN);
  return {
    name: `${step}, speed-up`,
    value: (one ?? NaN) / (two ?? NaN),
    unit: '×',
    of: 'seconds of one process over those of two, beside the same PostgreSQL',
  };
}

function stepFigures(small: Measured, large: Measured): Figure[] {
  const { name } = large;
  return [
    {
      name: `${name}, time`,
      value: (large.seconds / large.documents) * 1e6,
      unit: 's per million documents',
      of: `seconds at ${large.documents} documents of 2 kB, times what is missing to a million`,
    },
    {
      name: `${name}, processor time`,
      value: ((large.cpu + large.databaseCpu) / large.documents) * 1e6,
      unit: 's per million documents',
      of: `of its processes and of PostgreSQL: ${large.cpu.toFixed(1)} s and ${large.databaseCpu.toFixed(1)} s at ${large.documents}`,
    },
    {
      name: `${name}, memory`,
      value: large.peakMemory / small.peakMemory,
      unit: '×',
      of: `peak memory at ${large.documents} documents over that at ${small.documents}`,
    },
  ];
}

/** Peak memory of samplers that sample the first shards of an E-step over so many documents. */
async function samplerMemory(world: World, documents: number, repetitions: number): Promise<readonly number[]> {
  const corpus = `scale-${documents}`;
  await makeCorpus(world.database, corpus, { documents, chunks: 1, letters: 64 });
  const peaks: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const run = `${corpus}-${repetition}`;
    const settings = { ...BENCH_E_STEP, chunksInFlight: 16, shardDocuments: documents < 1_000 ? 50 : 125 };
    const plan = await planBench(world.database, run, corpus, settings);
    const server = await world.serve();
    await listServers(world.database, run, [server.url], SERVED_NAME);
    const report = await world.sample({ shards: plan.shards.slice(0, SHARDS), atOnce: 4, scoring: 'server' });
    peaks.push(report.peakMemory);
    await server.stop();
  }
  return peaks;
}

/**
 * Imports a file, plans an E-step of it by the paper's segmentation, and exports a training set of its thoughts: by one
 * process and by two, which share the ranges as two samplers do.
 */
async function corpusSteps(world: World, documents: number): Promise<Measured[]> {
  const corpus = `steps-${documents}`;
  const file = join(world.folder, `${corpus}.jsonl`);
  await writeTexts(file, documents);
  const common = { databaseUrl: world.postgres.url, dataFolder: world.folder, corpus, file, documents };
  const one = async (settings: CorpusStep): Promise<StepReport> => {
    const child = world.node(program('./programs/corpus-step.ts'), settings);
    const report = await child.next<StepReport>();
    await child.end();
    return report;
  };
  const step = async (
    last: CorpusStep['step'],
    ranges: CorpusStep['step'] | null,
    processes: number,
  ): Promise<Measured> => {
    const settings = { ...common, run: `${corpus}-${processes}`, seed: processes, processes };
    const before = processorSeconds(world.postgres.pid);
    const shares = ranges === null ? [] : Array.from({ length: processes }, (_, share) => share);
    const first = await Promise.all(shares.map((share) => one({ ...settings, share, step: ranges ?? last })));
    const end = await one({ ...settings, share: 0, step: last });
    return {
      name: ranges === null ? last : `${last} by ${processes}`,
      documents,
      seconds: Math.max(0, ...first.map(({ seconds }) => seconds)) + end.seconds,
      cpu: [...first, end].reduce((sum, { cpu }) => sum + cpu, 0),
      databaseCpu: processorSeconds(world.postgres.pid) - before,
      peakMemory: Math.max(...[...first, end].map(({ peakMemory }) => peakMemory)),
    };
  };
  const measured = [await step('import', null, 1)];
  for (const processes of [1, 2]) {
    const run = `${corpus}-${processes}`;
    await world.database.query(
      `insert into runs (run, recipe, recipe_digest, status, phase, arm, iteration)
       values ($1, '{}', 'none', 'Running', 'e-step', 'latent', 1)`,
      [run],
    );
    measured.push(await step('plan', 'cut', processes));
    await fillThoughts(world, run);
    measured.push(await step('export', 'write', processes));
  }
  return measured;
}

const WORDS = 'a stone river turns over slowly while two birds count the hours of an evening in late autumn'.split(' ');

/** Documents of about 2 kB: 30 sentences each, every one another. */
async function writeTexts(file: string, documents: number): Promise<void> {
  const stream = createWriteStream(file);
  for (let document = 0; document < documents; document += 1) {
    const sentences = Array.from({ length: 30 }, (_, at) => {
      const words = Array.from({ length: 9 }, (_, word) => WORDS[(document * 7 + at * 5 + word * word) % WORDS.length]);
      return `The ${words.join(' ')} ${document % 1_000}.`;
    });
    if (!stream.write(`${JSON.stringify({ text: sentences.join(' ') })}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

/** Puts a selected thought of 32 ids in for every chunk of the planned E-step, and closes it. */
async function fillThoughts({ database }: World, run: string): Promise<void> {
  const { rows } = await database.query<{ eStep: number }>('select e_step as "eStep" from e_steps where run = $1', [
    run,
  ]);
  const eStep = rows[0]?.eStep;
  const chunks = `from e_steps join cuts using (corpus, split, segmentation), generate_series(0, cardinality(ends) - 1) as chunk where e_step = $1`;
  await database.query(
    `insert into chunk_results (e_step, document, chunk, selected, rounds, prefix_chunks, ess, elbo, scored_tokens)
     select e_step, ordinal, chunk, 0, 1, 0, 1, '{-5}', 10 ${chunks}`,
    [eStep],
  );
  await database.query(
    `insert into thoughts (e_step, document, chunk, candidate, token_ids, text, log_q, log_p, finish, selected)
     select e_step, ordinal, chunk, 0, (select array_agg(7 + id) from generate_series(1, 31) as id), '', -40, -60, 'stop', true ${chunks}`,
    [eStep],
  );
  await database.query(
    `update shards set finished_at = now(), counts = '{"sampledTokens": 7, "scoredTokens": 11, "requests": 3}' where e_step = $1`,
    [eStep],
  );
  await database.query(`update e_steps set finished_at = now() where e_step = $1`, [eStep]);
}
