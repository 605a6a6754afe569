import { runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/** Those with wheels of every pinned package first. */
const CANDIDATES = ['python3', 'python3.12', 'python3.11', 'python3.13', 'python3.14', 'python'];
const OLDEST = [3, 11];

const QUESTION = `
import json, sys, sysconfig, importlib.util
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "path": sys.executable,
    "platform": sysconfig.get_platform(),
    "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
}))`;

/**
 * The first Python on the PATH that can carry vLLM and the trainer.
 *
 * @returns {Promise<{ path: string, version: number[], platform: string }>}
 * @throws {SetupError} naming every Python that was found and why none serves.
 */
export async function findPython() {
  const found = [];
  for (const name of CANDIDATES) {
    const answer = await askPython(name);
    if (answer === undefined) continue;
    const { path, version, venv } = answer;
    const old = version[0] < OLDEST[0] || (version[0] === OLDEST[0] && version[1] < OLDEST[1]);
    if (!old && venv) return answer;
    found.push(`${name} = ${path}, version ${version.join('.')}${old ? '' : ', without its venv module'}`);
  }
  throw new SetupError(
    `expected Python ${OLDEST.join('.')} or newer with its venv module on the PATH, found ` +
      `${found.length === 0 ? 'no Python' : found.join('; ')}. ` +
      'Install it (Debian, Ubuntu: `apt install python3 python3-venv`), or set THOUGHTLOOP_PYTHON to the python of an ' +
      'environment that has vllm, torch and transformers.',
  );
}

async function askPython(command) {
  const { code, tail } = await runCommand(command, ['-c', QUESTION]);
  if (code !== 0) return undefined;
  try {
    return JSON.parse(tail.at(-1) ?? '');
  } catch {
    return undefined;
  }
}
