import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, ownIdentity } from './process-identity.mjs';

const POLL_MILLISECONDS = 200;

/**
 * A lock between processes of one machine that a killed holder leaves free.
 *
 * The lock is a chain of numbered tickets `<path>.<n>`; the highest one counts. Each holds the identity of its
 * process, or `null` once it was given back. Whoever finds the highest ticket free or its process dead creates the
 * next number by hard link, which only one process can do, with its content already inside. The highest ticket is
 * never removed, so a waiter with an old view of the folder fails on the link and looks again: there is no moment at
 * which two processes hold the lock, and none at which a lock has to be broken.
 *
 * @param {string} path the lock's name; its folder is created.
 * @param {{ onWait?: (holder: number) => void, timeout?: number }} [options] `onWait` is called once, with the id of
 *   the holding process, when the lock is not free at once; `timeout` in milliseconds, none by default.
 * @returns {Promise<(() => void) | undefined>} gives the lock back; undefined when the timeout passed.
 */
export async function acquireLock(path, options = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const deadline = Date.now() + (options.timeout ?? Number.POSITIVE_INFINITY);
  let told = false;
  for (;;) {
    const { number, holder } = highestTicket(path);
    if (holder === null || !isAlive(holder)) {
      const release = takeTicket(path, number + 1);
      if (release !== undefined) return release;
      continue;
    }
    if (!told) options.onWait?.(holder.pid);
    told = true;
    if (Date.now() >= deadline) return undefined;
    await sleep(POLL_MILLISECONDS);
  }
}

function highestTicket(path) {
  const number = Math.max(-1, ...ticketNumbers(path));
  if (number === -1) return { number, holder: null };
  try {
    return { number, holder: JSON.parse(readFileSync(`${path}.${number}`, 'utf8')) };
  } catch (error) {
    // The next holder removes the tickets below its own: look again.
    if (error.code === 'ENOENT') return highestTicket(path);
    throw error;
  }
}

function ticketNumbers(path) {
  const prefix = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
}

function takeTicket(path, number) {
  const ticket = `${path}.${number}`;
  const draft = join(dirname(path), `.${basename(path)}-${process.pid}`);
  writeFileSync(draft, JSON.stringify(ownIdentity()));
  try {
    linkSync(draft, ticket);
  } catch (error) {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  for (const old of ticketNumbers(path)) if (old < number) rmSync(`${path}.${old}`, { force: true });
  return () => {
    writeFileSync(draft, 'null');
    renameSync(draft, ticket);
  };
}
