import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeRuntime } from './node-runtime.mjs';
import { ensureNpmPackages } from './npm-packages.mjs';
import { say } from './progress.mjs';
import { pythonEnvironment } from './python-environment.mjs';
import { runTarget } from './run-target.mjs';
import { SetupError } from './setup-error.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const OLDEST_NODE = 20;
const CLI = join('scripts', 'thoughtloop.ts');

/** What each target runs, and whether it needs the Python environment (`python(args)`). */
const TARGETS = {
  check: { program: [join('scripts', 'setup', 'check.ts')], python: () => 'none' },
  test: { program: [join('scripts', 'setup', 'test.ts')], python: () => 'install' },
  demo: { program: [CLI, 'demo'], python: (args) => (asksForHelp(args) ? 'none' : 'install') },
  chaos: {
    program: [join('scripts', 'chaos', 'chaos.ts')],
    python: (args) => (asksForHelp(args) ? 'none' : 'install'),
  },
  'chaos:recovery': {
    program: [join('scripts', 'chaos', 'recovery.ts')],
    python: (args) => (asksForHelp(args) ? 'none' : 'install'),
  },
  'record-histories': { program: [join('tests', 'support', 'record-histories.ts')], python: () => 'install' },
  bench: {
    program: [join('scripts', 'bench', 'bench.ts')],
    python: (args) => (asksForHelp(args) ? 'none' : 'install'),
  },
  cli: { program: [CLI], python: pythonOfCommand },
};

/** Commands that start vLLM, trainers or the temporal program on this machine. */
const COMMANDS_WITH_PYTHON = ['up', 'demo'];

function asksForHelp(args) {
  return args.includes('--help') || args.includes('-h');
}

function pythonOfCommand(args) {
  const needed = COMMANDS_WITH_PYTHON.includes(args[0]) || (args[0] === 'doctor' && args.includes('--fix'));
  return needed && !asksForHelp(args) ? 'install' : 'find';
}

function requirePlatform() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new SetupError(
      `expected Node ${OLDEST_NODE} or newer, found ${process.version} at ${process.execPath}. ` +
        'Install Node 24 (https://nodejs.org) and put it first on the PATH.',
    );
  }
  const musl = process.platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined;
  const known = ['linux', 'darwin'].includes(process.platform) && ['x64', 'arm64'].includes(process.arch) && !musl;
  if (known) return;
  throw new SetupError(
    `expected Linux with glibc, or macOS, on x64 or arm64, found ${process.platform}-${process.arch}` +
      `${musl ? ' with musl' : ''}. On Windows use WSL 2, on Alpine a glibc image such as node:24-bookworm.`,
  );
}

/**
 * Installs what is missing, then hands over to the target under Node 24 with THOUGHTLOOP_PYTHON set. Plain JavaScript
 * without dependencies, here and in every `.mjs` file beside it, since it runs before there are any, on Node 20 and
 * newer.
 *
 * @param {string} target one of TARGETS
 * @param {string[]} args passed on
 * @returns {Promise<number>} the exit code
 */
export async function bootstrap(target, args) {
  try {
    const known = TARGETS[target];
    if (known === undefined) {
      throw new SetupError(`expected one of ${Object.keys(TARGETS).join(', ')}, found \`${target ?? ''}\`.`);
    }
    requirePlatform();
    const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'thoughtloop');
    await ensureNpmPackages(ROOT, cache);
    const need = known.python(args);
    const python = need === 'none' ? undefined : await pythonEnvironment(ROOT, cache, need);
    const node = nodeRuntime(ROOT);
    const env = {
      ...process.env,
      PATH: [dirname(node), process.env.PATH].join(delimiter),
      ...(python === undefined ? {} : { THOUGHTLOOP_PYTHON: python }),
    };
    const [script, ...first] = known.program;
    return await runTarget(node, [join(ROOT, script), ...first, ...args], env);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    return 1;
  }
}
