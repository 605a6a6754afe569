import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { requireDiskSpace } from './disk-space.mjs';
import { acquireLock } from './file-lock.mjs';
import { longStep, say } from './progress.mjs';
import { runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * A Python environment that is shared by all checkouts with the same requirements, in
 * `<cache>/<kind>-<digest of requirements, Python version and platform>`.
 *
 * An environment is built under a name of its own, since its programs carry its path, and becomes visible by a
 * symbolic link that is renamed into place at the end: what can be seen is complete.
 *
 * @param {object} wish
 * @param {string} wish.cache thoughtloop's cache folder.
 * @param {string} wish.kind first part of its name.
 * @param {string} wish.what what is in it, for people.
 * @param {number} wish.gigabytes it needs on the disk.
 * @param {{ file: string, flags: string[] }[]} wish.requirements files, installed one after another, and pip's flags.
 * @param {{ path: string, version: number[], platform: string }} wish.python what it is made with.
 * @param {'install' | 'find'} wish.intent `find` never installs.
 * @returns {Promise<string | undefined>} the path of its python; undefined when there is none and `find` was asked.
 */
export async function sharedEnvironment(wish) {
  const { cache, kind, python, requirements, intent } = wish;
  const name = `${kind}-${digest(requirements, python)}`;
  const link = join(cache, name);
  const ready = () => (existsSync(join(link, 'bin', 'python')) ? join(realpathSync(link), 'bin', 'python') : undefined);
  if (intent === 'find' || ready() !== undefined) return ready();

  const release = await acquireLock(join(cache, 'locks', name), {
    onWait: (pid) => say(`process ${pid} is installing the same Python environment; waiting for it`),
  });
  try {
    if (ready() === undefined) await install(wish, name);
  } finally {
    release();
  }
  return ready();
}

function digest(requirements, python) {
  const hash = createHash('sha256');
  for (const { file } of requirements) hash.update(readFileSync(file));
  return hash
    .update(`${python.version.slice(0, 2).join('.')} ${python.platform}`)
    .digest('hex')
    .slice(0, 16);
}

async function install({ cache, what, gigabytes, requirements, python }, name) {
  requireDiskSpace(cache, gigabytes, what, 'set XDG_CACHE_HOME to a larger disk');
  mkdirSync(cache, { recursive: true });
  for (const entry of readdirSync(cache)) {
    // Left by an installation that was killed: nothing links to it, and we hold the lock.
    if (entry.startsWith(`${name}.`)) rmSync(join(cache, entry), { recursive: true, force: true });
  }
  const folder = join(cache, `${name}.${randomBytes(4).toString('hex')}`);
  say(`${what} go into ${folder} (about ${gigabytes} GB with what pip unpacks, once for all checkouts)`);
  try {
    await longStep(`creating an environment of Python ${python.version.join('.')} (${python.path})`, () =>
      must(python.path, ['-m', 'venv', folder], 'the venv module to create an environment', 'Install python3-venv.'),
    );
    for (const { file, flags } of requirements) await installRequirements(folder, file, flags);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const draft = `${folder}.link`;
  symlinkSync(folder, draft);
  renameSync(draft, join(cache, name));
}

function installRequirements(folder, file, flags) {
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  const shown = join(basename(dirname(dirname(file))), basename(dirname(file)), basename(file));
  return longStep(`installing the Python packages of ${shown}`, (note) =>
    must(
      join(folder, 'bin', 'python'),
      [...pip, ...flags, '-r', file],
      `pip to install ${file}`,
      'Check the network, the disk and the package index setting (`pip config list`), then run the same command again.',
      note,
    ),
  );
}

async function must(command, args, expectation, remedy, onLine) {
  const { code, tail } = await runCommand(command, args, { onLine });
  if (code === 0) return;
  const lines = tail.map((line) => `    ${line}`).join('\n');
  throw new SetupError(`expected ${expectation}, found exit code ${code}. Its last lines:\n${lines}\n${remedy}`);
}
