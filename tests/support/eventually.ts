import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until the answer is neither undefined nor false.
 * @throws when the deadline passes, with what was waited for.
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Answer | Promise<Answer>,
  seconds = 30,
): Promise<Exclude<Answer, undefined | false>> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<Answer, undefined | false>;
    if (Date.now() > deadline) throw new Error(`Expected within ${seconds} s: ${what}`);
    await sleep(20);
  }
}
