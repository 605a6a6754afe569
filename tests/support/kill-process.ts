/**
 * Sends a signal to one process that a test started.
 *
 * An id that a test reads from a file can be missing or cut off; `Number('')` is 0, and kill(2) takes 0 for the whole
 * process group of the caller and -1 for every process: such an id ends the test run itself, so it is refused.
 *
 * @param pid as a number or as a file holds it.
 * @throws TypeError where that is no id of one process other than init.
 */
export function killProcess(pid: number | string | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  const id = Number(pid);
  if (!Number.isSafeInteger(id) || id <= 1) {
    throw new TypeError(`Expected the id of one process, got ${JSON.stringify(pid)}`);
  }
  // eslint-disable-next-line no-restricted-properties -- the one place where tests send signals by id
  process.kill(id, signal);
}
