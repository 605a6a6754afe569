import { join } from 'node:path';
import { OperatorError } from '../operator-error.ts';
import { acquireLock } from '../setup/file-lock.mjs';

/** Longer than the slowest start or stop. */
const TIMEOUT_MILLISECONDS = 10 * 60_000;

/**
 * Does something to a data folder's stack that nobody else may do at the same time.
 * @param onWait told once when another process is at it.
 * @throws OperatorError when that takes too long.
 */
export async function withStackLock<Result>(
  dataFolder: string,
  onWait: (line: string) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  let holder: number | undefined;
  const release = await acquireLock(join(dataFolder, 'stack.lock'), {
    timeout: TIMEOUT_MILLISECONDS,
    onWait: (pid) => {
      holder = pid;
      onWait(`process ${pid} is starting or stopping the stack of ${dataFolder}; waiting for it`);
    },
  });
  if (release === undefined) {
    throw new OperatorError({
      expected: `process ${holder} to finish starting or stopping this stack within ${TIMEOUT_MILLISECONDS / 60_000} minutes`,
      found: 'that it is still at it',
      where: dataFolder,
      remedy: `Look at it (\`ps -fp ${holder}\`), end it, then run the command again.`,
    });
  }
  try {
    return await work();
  } finally {
    release();
  }
}
