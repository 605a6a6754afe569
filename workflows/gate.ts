import {
  allHandlersFinished,
  condition,
  defineSignal,
  isCancellation,
  setHandler,
  type ChildWorkflowHandle,
  type Workflow,
} from '@temporalio/workflow';
import { MESSAGES } from './contract/messages.ts';

export const pauseSignal = defineSignal(MESSAGES.pause);
export const resumeSignal = defineSignal(MESSAGES.resume);

/** What the gate needs of a child workflow's handle. */
export interface Child<Result> {
  result(): Promise<Result>;
  signal: ChildWorkflowHandle<Workflow>['signal'];
}

/**
 * Pause and resume for one workflow and the children it has open.
 *
 * States: open (work passes) and closed (`pass()` waits). `pause` closes the gate here and in every child that is
 * open; what is under way goes on to its end, nothing new starts. `resume` opens it again.
 */
export class Gate {
  #closed = false;
  readonly #children = new Set<Child<unknown>>();
  readonly #changed: (closed: boolean) => Promise<void>;
  /** Words are passed on one after another: a pause must not overtake the resume that came after it. */
  #word: Promise<void> = Promise.resolve();

  /** @param changed Called when the gate opens or closes, e.g. to record the run's status. */
  constructor(changed: (closed: boolean) => Promise<void> = () => Promise.resolve()) {
    this.#changed = changed;
    setHandler(pauseSignal, () => this.#set(true));
    setHandler(resumeSignal, () => this.#set(false));
  }

  /** Resolves once the gate is open. */
  async pass(): Promise<void> {
    if (this.#closed) await condition(() => !this.#closed);
  }

  /**
   * Resolves once the gate is open and every word has been passed on: a workflow that continues as new forgets both that
   * it was paused and what its handlers were about to do.
   */
  async settled(): Promise<void> {
    await condition(() => !this.#closed && allHandlersFinished());
  }

  /** Waits for the gate, starts a child, passes pauses on to it while it runs, and returns its result. */
  async through<Result>(start: () => Promise<Child<Result>>): Promise<Result> {
    await this.pass();
    const child = await start();
    this.#children.add(child);
    // A pause that came between the gate and the child's start.
    if (this.#closed) await this.#tell(child, true);
    try {
      return await child.result();
    } finally {
      this.#children.delete(child);
    }
  }

  async #set(closed: boolean): Promise<void> {
    if (this.#closed === closed) return;
    this.#closed = closed;
    this.#word = this.#word.then(async () => {
      try {
        await this.#changed(closed);
        await Promise.all([...this.#children].map((child) => this.#tell(child, closed)));
      } catch (error) {
        // What a handler throws ends the workflow on the spot: one that is cancelled comes to its own end.
        if (!isCancellation(error)) throw error;
      }
    });
    await this.#word;
  }

  async #tell(child: Child<unknown>, closed: boolean): Promise<void> {
    // A child that has just ended needs no word.
    await child.signal(closed ? pauseSignal : resumeSignal).catch(() => undefined);
  }
}
