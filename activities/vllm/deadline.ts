/** How a piece of work under a deadline was stopped, if it was. */
export type Stopped = 'no' | 'deadline' | 'cancelled';

/**
 * Runs `work` with a signal that fires when `parent` fires or `milliseconds` have passed, and leaves neither timer nor
 * listener behind: a sampler keeps one parent signal for millions of requests.
 *
 * @param work gets the signal, and a function that tells afterwards which of the two stopped it
 */
export async function withDeadline<Result>(
  parent: AbortSignal | undefined,
  milliseconds: number,
  work: (signal: AbortSignal, stopped: () => Stopped) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  let stopped: Stopped = 'no';
  const stop = (how: Stopped): void => {
    if (stopped === 'no') stopped = how;
    controller.abort();
  };
  const onParent = (): void => stop('cancelled');
  if (parent?.aborted === true) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  const timer = setTimeout(() => stop('deadline'), milliseconds);
  try {
    return await work(controller.signal, () => stopped);
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', onParent);
  }
}
