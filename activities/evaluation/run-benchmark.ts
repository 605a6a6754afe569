import type { BenchmarkSettings, PromptForm } from '../../workflows/contract/recipe.ts';
import type { Metric } from '../../workflows/contract/references.ts';
import { GroupCommit } from '../e-step/group-commit.ts';
import { failure } from '../failure.ts';
import { completionOutcomes, insertCompletions, type CompletionRow } from '../store/completions.ts';
import { finishEvaluation, openEvaluation } from '../store/evaluations.ts';
import type { Inference } from '../vllm/inference.ts';
import { benchmarkMetrics, type BenchmarkOutcome } from './benchmark-metrics.ts';
import { planBenchmark, type BenchmarkPlan, type PlannedProblem } from './benchmark-plan.ts';
import { eachAtOnce } from './each-at-once.ts';
import type { EvaluationKey, EvaluationPorts } from './evaluation-ports.ts';
import { gradedText } from './graded-text.ts';
import { GRADERS } from './graders/grader.ts';
import { readProblems } from './problem-file.ts';
import { isRefusal, requestFailure } from './request-failure.ts';

/** A benchmark on one checkpoint. */
export interface BenchmarkTask {
  readonly key: EvaluationKey;
  readonly benchmark: BenchmarkSettings;
  readonly form: PromptForm;
  /** Completions asked for at once. */
  readonly concurrency: number;
}

/** What the figures depend on besides the checkpoint: stored with them. Files count by their content. */
function recordedSettings({ benchmark, form }: BenchmarkTask): unknown {
  const { name, digest, format, question, shots, grader, stop, limit, maxTokens } = benchmark;
  const shown = shots === null ? null : { digest: shots.digest, count: shots.count };
  return { name, digest, format, question, shots: shown, grader, stop, limit, maxTokens, form, decoding: 'greedy' };
}

/**
 * Measures a checkpoint on a benchmark: asks every problem once, greedily, grades each answer as it comes, and keeps
 * every completion as a row. Begun again it asks only what has no row; finished, it returns its figures.
 *
 * @throws failure RecipeInvalid (files, template, examples; or nothing could be asked at all), NoServer, ServerLost,
 *   WrongWeights, LeaseLost; the signal's reason after `signal`
 */
export async function runBenchmark(task: BenchmarkTask, ports: EvaluationPorts): Promise<readonly Metric[]> {
  const { key, benchmark, form } = task;
  const { format, shots } = benchmark;
  const opened = await openEvaluation(ports.database, {
    ...key,
    benchmark: benchmark.name,
    settings: recordedSettings(task),
  });
  if (opened.kind === 'finished') return opened.metrics;

  const problems = await readProblems(ports.dataFolder, format, benchmark);
  const examples = shots === null ? [] : await readProblems(ports.dataFolder, format, shots, shots.count);
  const plan = planBenchmark(benchmark, form, ports.model, problems, examples);
  await askAll(task, plan, ports);

  const outcomes = await completionOutcomes(ports.database, key.evaluation);
  if (outcomes.every(({ finish }) => finish === 'too-long' || finish === 'refused')) {
    const limit = ports.model.description.contextLength;
    throw failure(
      'RecipeInvalid',
      `Expected problems of ${benchmark.name} that fit ${limit} tokens with ${benchmark.maxTokens} to generate, found none ` +
        `of ${outcomes.length}: lower max_tokens, or raise fleet.max_model_len where servers refused them`,
    );
  }
  const shown = plan.problems.flatMap(({ fit }) => (fit.kind === 'fits' ? [fit.shots] : []));
  const metrics = benchmarkMetrics(outcomes as readonly BenchmarkOutcome[], shots === null ? null : shown);
  return finishEvaluation(ports.database, key.evaluation, key.checkpoint, metrics);
}

/** Gives every planned problem its row. */
async function askAll(task: BenchmarkTask, plan: BenchmarkPlan, ports: EvaluationPorts): Promise<void> {
  const { evaluation, checkpoint } = task.key;
  const { database, signal } = ports;
  const answered = new Set((await completionOutcomes(database, evaluation)).map(({ problem }) => problem));
  const missing = plan.problems.filter(({ problem }) => !answered.has(problem.index));
  let done = plan.problems.length - missing.length;
  const total = plan.problems.length;
  ports.onProgress({ done, total });
  if (missing.length === 0) return;

  const commits = new GroupCommit<CompletionRow>(async (rows) => {
    await insertCompletions(database, evaluation, checkpoint, rows);
    done += rows.length;
    ports.onProgress({ done, total });
  }, task.concurrency);
  const answer = async (inference: Inference): Promise<void> => {
    try {
      await eachAtOnce(missing, task.concurrency, signal, async (planned, stop) => {
        await commits.add(await ask(task, plan, planned, ports, inference, stop));
      });
    } finally {
      await commits.flush();
    }
  };
  try {
    await ports.withInference(answer);
  } catch (thrown) {
    throw requestFailure(thrown);
  }
}

/** Asks and grades one problem. */
async function ask(
  { key, benchmark, form }: BenchmarkTask,
  { shots }: BenchmarkPlan,
  { problem, question, fit }: PlannedProblem,
  { model }: EvaluationPorts,
  inference: Inference,
  signal: AbortSignal,
): Promise<CompletionRow> {
  const notAsked = (finish: 'too-long' | 'refused', promptTokens: number): CompletionRow => {
    return { problem: problem.index, promptTokens, tokenIds: [], text: '', finish, answer: null, verdict: 'ungraded' };
  };
  const { description, tokenizer } = model;
  if (fit.kind === 'too-long') return notAsked('too-long', 1 + question.length);

  const prompt = [description.beginning, ...shots.slice(0, fit.shots).flat(), ...question];
  const stopIds = form === 'latent' ? [description.end, description.markers.startOfLatent] : [description.end];
  const request = { prompt, maxTokens: benchmark.maxTokens, temperature: 0, stopTexts: benchmark.stop, stopIds };
  try {
    const { answer: completion } = await inference.complete(request, { group: key.evaluation, signal });
    const { tokenIds, finish, text } = completion;
    const decode = (ids: readonly number[]): string => tokenizer.decode(ids);
    const graded = gradedText(tokenIds, { form, model: description, decode, stop: benchmark.stop });
    const read = graded === null ? null : GRADERS[benchmark.grader](graded, problem.answer);
    return {
      problem: problem.index,
      promptTokens: prompt.length,
      tokenIds,
      text,
      finish,
      answer: read?.answer ?? null,
      verdict: read?.verdict ?? 'ungraded',
    };
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    return notAsked('refused', prompt.length);
  }
}
