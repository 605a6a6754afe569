import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { EXIT_CODES, OperatorError } from '../operator-error.ts';

/**
 * Ports are drawn from below the ranges out of which systems take ports for outgoing connections, so that a port is
 * still free when the stack comes back.
 */
const RANGE = { from: 20_000, to: 30_000 };

/** Whether nothing listens on a port of 127.0.0.1. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port of 127.0.0.1 that is free now and not in `taken`. */
export async function freePort(taken: readonly number[] = []): Promise<number> {
  for (;;) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (!taken.includes(port) && (await isPortFree(port))) return port;
  }
}

/** What is wished of one port. */
export interface PortWish {
  /** Asked for by the person: this one or none. */
  readonly fixed?: number | undefined;
  /** Used before: this one when it is still free. */
  readonly former?: number | undefined;
  /** The option that fixes it, for the message. */
  readonly option: string;
}

/**
 * Chooses a port.
 * @throws OperatorError when a fixed one is taken.
 */
export async function choosePort(wish: PortWish, taken: readonly number[]): Promise<number> {
  if (wish.fixed !== undefined) {
    if (!taken.includes(wish.fixed) && (await isPortFree(wish.fixed))) return wish.fixed;
    throw new OperatorError({
      expected: `port ${wish.fixed} of 127.0.0.1 to be free`,
      found: 'another program listening on it',
      where: wish.option,
      remedy: `Stop that program (\`ss -ltnp 'sport = :${wish.fixed}'\` names it), or leave ${wish.option} out.`,
      exitCode: EXIT_CODES.badInput,
    });
  }
  if (wish.former !== undefined && !taken.includes(wish.former) && (await isPortFree(wish.former))) return wish.former;
  return freePort(taken);
}
