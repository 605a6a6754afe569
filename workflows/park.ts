import {
  ApplicationFailure,
  condition,
  defineQuery,
  defineUpdate,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { causeOf, typeOf } from './cause.ts';
import type { Cause } from './contract/activities.ts';
import { isStoreRefusal } from './contract/failures.ts';
import type { Place } from './contract/ids.ts';
import { MESSAGES, type Decision, type DecisionAnswer, type ParkedStep } from './contract/messages.ts';
import type { Recipe } from './contract/recipe.ts';
import type { Phase } from './contract/search-attributes.ts';
import { STATUS_ATTRIBUTE, placeAttributes } from './attributes.ts';
import { refusal, withSettings } from './operational.ts';
import { control } from './proxies.ts';

export const decideUpdate = defineUpdate<DecisionAnswer, [Decision]>(MESSAGES.decide);
export const parkedQuery = defineQuery<ParkedStep | null>(MESSAGES.parked);

/** What a step that the operator skipped gives instead of its result. */
export const SKIPPED = Symbol('skipped');

/**
 * The steps of one workflow, each of which parks instead of failing.
 *
 * States of a step: running → done; running → parked (its retries are exhausted or it failed for good) → running again
 * (`retry`, perhaps with other operational settings) | skipped (`skip`, where the loop can go on without it) | the
 * workflow fails (`abort`). Cancellation passes through at once. The recipe kept here is the one in force: operational
 * settings that a decision changed stay changed for what follows.
 */
export class Steps {
  recipe: Recipe;
  readonly #place: Place;
  readonly #changed: Record<string, unknown> = {};
  #parked: { readonly step: ParkedStep; decision?: Decision } | null = null;
  #running: Place;
  #phase: Phase = 'base';
  readonly #lines: string[] = [];

  constructor(place: Place, recipe: Recipe) {
    this.#place = place;
    this.#running = place;
    this.recipe = recipe;
    setHandler(parkedQuery, () => (this.#parked?.decision ? null : (this.#parked?.step ?? null)));
    setHandler(decideUpdate, (decision: Decision) => this.#decide(decision), {
      validator: (decision: Decision) => {
        const refused = this.#refuse(decision);
        if (refused) throw ApplicationFailure.nonRetryable(refused, 'DecisionRefused');
      },
    });
  }

  /** Operational settings that decisions have changed: recipe path → value. */
  get changed(): Readonly<Record<string, unknown>> {
    return this.#changed;
  }

  /** Says where the workflow is: search attributes, current details, the store. Parks where the store may not be written. */
  async enter(phase: Phase, place: Place = this.#place): Promise<void> {
    this.#running = place;
    await this.#attempt(phase, () => this.#begin(phase), false);
  }

  async #begin(phase: Phase): Promise<void> {
    const place = this.#running;
    upsertSearchAttributes(placeAttributes(place, phase, 'Running'));
    this.#phase = phase;
    this.#show();
    await control.recordProgress({ ...place, status: 'Running', phase, cause: null });
  }

  /** Adds a line to the current details: what a finished step came to. */
  tell(line: string): void {
    this.#lines.push(line);
    // The cause of a parked step is more important; the line comes with the next phase.
    if (this.#parked === null) this.#show();
  }

  #show(): void {
    const { arm, iteration } = this.#running;
    setCurrentDetails([`**${this.#phase}** · ${arm}, iteration ${iteration}`, ...this.#lines].join('\n\n'));
  }

  /**
   * Runs a step; parks when it fails.
   * @param work Gets the number of decisions `retry` so far: the generation of jobs that must not be taken for the failed one.
   */
  async run<Result>(phase: Phase, work: (generation: number) => Promise<Result>): Promise<Result> {
    const result = await this.#attempt(phase, work, false);
    if (result === SKIPPED) throw new Error(`step ${phase} cannot be skipped`);
    return result;
  }

  /** Like `run`, for a step that the loop can go on without. */
  async runSkippable<Result>(
    phase: Phase,
    work: (generation: number) => Promise<Result>,
  ): Promise<Result | typeof SKIPPED> {
    return this.#attempt(phase, work, true);
  }

  /**
   * Runs a step that the loop never waits for: a failure is told to `failed` and gives undefined; cancellation and abort
   * pass through. A store that refuses to be written parks it like any other step.
   */
  async tolerate<Result>(
    phase: Phase,
    work: () => Promise<Result>,
    failed: (error: unknown) => Promise<void>,
  ): Promise<Result | undefined> {
    const result = await this.#attempt(
      phase,
      async () => {
        try {
          return await work();
        } catch (error) {
          const type = typeOf(error);
          if (isCancellation(error) || type === 'Aborted' || isStoreRefusal(type)) throw error;
          await failed(error);
          return undefined;
        }
      },
      false,
    );
    return result === SKIPPED ? undefined : result;
  }

  async #attempt<Result>(
    phase: Phase,
    work: (generation: number) => Promise<Result>,
    skippable: boolean,
  ): Promise<Result | typeof SKIPPED> {
    for (let generation = 0; ; generation++) {
      try {
        return await work(generation);
      } catch (error) {
        if (isCancellation(error) || typeOf(error) === 'Aborted') throw error;
        const decision = await this.#park(phase, causeOf(error, workflowInfo().workflowId), skippable);
        if (decision.action === 'skip') return SKIPPED;
        if (decision.action === 'abort') {
          throw ApplicationFailure.nonRetryable(`aborted by the operator in ${phase}`, 'Aborted');
        }
      }
    }
  }

  async #park(phase: Phase, failed: Cause, skippable: boolean): Promise<Decision> {
    const place = this.#running;
    const { run } = place;
    // Steps that fail side by side park one after another: one question to the operator at a time.
    // (Asked again after the wait: the end of one question wakes all that wait.)
    while (this.#parked !== null) await condition(() => this.#parked === null);
    const cause = { ...failed, question: newQuestion() };
    const parked: { readonly step: ParkedStep; decision?: Decision } = {
      step: { workflow: cause.workflow, step: phase, cause, skippable },
    };
    this.#parked = parked;
    log.warn('parked', { phase, type: cause.type, cause: cause.message });
    upsertSearchAttributes([{ key: STATUS_ATTRIBUTE, value: 'Parked' }]);
    setCurrentDetails(parkedDetails(run, phase, cause, skippable));
    await control.recordProgress({ ...place, status: 'Parked', phase, cause });
    await condition(() => parked.decision !== undefined);
    const decision = parked.decision as Decision;
    this.recipe = withSettings(this.recipe, decision.set ?? {});
    Object.assign(this.#changed, decision.set ?? {});
    await control.recordEvent({
      run,
      kind: 'decided',
      message: `${phase}: ${decision.action} ${JSON.stringify(decision.set ?? {})}`,
    });
    // What the store refuses now, it refuses the step too, which parks again.
    if (decision.action !== 'abort') await this.#begin(phase).catch(unlessStoreRefuses);
    // Only now may the next one park: this one's `Running` must not be written over its `Parked`.
    this.#parked = null;
    return decision;
  }

  #refuse(decision: Decision): string | undefined {
    if (this.#parked === null) return 'Expected a parked run, found one that is not parked: nothing to decide';
    const { question } = this.#parked.step.cause;
    if (decision.question !== undefined && decision.question !== question) {
      return (
        `Expected a decision on question ${question}, found one on question ${decision.question}: ` +
        'that one is over, and the run parked anew since'
      );
    }
    if (this.#parked.decision) {
      return `Expected a run without a decision, found it already decided (${this.#parked.decision.action})`;
    }
    if (decision.action === 'skip' && !this.#parked.step.skippable) {
      return `Expected retry or abort: the loop cannot go on without ${this.#parked.step.step}`;
    }
    return refusal(decision.set ?? {});
  }

  #decide(decision: Decision): DecisionAnswer {
    if (this.#parked) this.#parked.decision = decision;
    return { workflow: workflowInfo().workflowId, action: decision.action };
  }
}

/**
 * Names a question: 6 hex digits, other ones for every step that parks, also in another workflow of the run or in a later
 * execution of this one. Drawn from the execution's own random numbers, so that a replay and a reset draw the same.
 */
const newQuestion = (): string => uuid4().slice(0, 6);

function unlessStoreRefuses(error: unknown): void {
  if (!isStoreRefusal(typeOf(error))) throw error;
}

/** The Web UI's text for a parked step: the cause and the commands that help. */
function parkedDetails(run: string, phase: Phase, cause: Cause, skippable: boolean): string {
  const { question } = cause;
  const commands = ['retry', ...(skippable ? ['skip'] : []), 'abort'].map(
    (action) => `    thoughtloop decide ${run} ${action} --question ${question}`,
  );
  return [
    `**Parked in ${phase}**: ${cause.type}`,
    '',
    cause.message,
    '',
    `What helps: ${cause.remedy}`,
    '',
    ...commands,
  ].join('\n');
}
