import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commitOfVersion } from '../../scripts/versions/commit-of-version.ts';
import { codeVersion, WORKFLOW_SDK } from '../../workers/code-version.ts';

let root: string;
let workflows: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'thoughtloop-version-'));
  workflows = join(root, 'workflows');
  mkdirSync(join(workflows, 'contract'), { recursive: true });
  write('run.ts', 'export const run = 1;\n');
  write('contract/ids.ts', 'export const id = 1;\n');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  writeFileSync(join(workflows, path), text);
}

it('a version is 12 hex digits, the same for the same files', () => {
  expect(codeVersion()).toMatch(/^[0-9a-f]{12}$/);
  const before = codeVersion(workflows);
  rmSync(join(workflows, 'run.ts'));
  write('run.ts', 'export const run = 1;\n');
  expect(codeVersion(workflows)).toBe(before);
});

it('every change of what is replayed makes another version, and nothing else does', () => {
  const versions = [codeVersion(workflows)];
  write('contract/ids.ts', 'export const id = 2;\n');
  versions.push(codeVersion(workflows));
  write('park.ts', '');
  versions.push(codeVersion(workflows));
  rmSync(join(workflows, 'park.ts'));
  write('gate.ts', '');
  versions.push(codeVersion(workflows));
  expect(new Set(versions).size).toBe(4);
  write('notes.md', 'not code');
  writeFileSync(join(root, 'activity.ts'), 'not replayed');
  expect(codeVersion(workflows)).toBe(versions.at(-1));
});

it('the same files under another version of the SDK are another version', () => {
  expect(codeVersion(workflows, '1.24.0')).not.toBe(codeVersion(workflows, '1.25.0'));
  const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly dependencies: Record<string, string>;
  };
  // What is asked for in git is what is installed: so is the commit of a version found.
  expect(codeVersion(workflows)).toBe(codeVersion(workflows, dependencies[WORKFLOW_SDK]));
});

it('the commit of a version is found in the history', () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], {
      cwd: root,
      encoding: 'utf8',
    }).trim();
  const askFor = (sdk: string): void =>
    writeFileSync(join(root, 'package.json'), JSON.stringify({ dependencies: { [WORKFLOW_SDK]: sdk } }));
  git('init', '--quiet');
  askFor('1.24.0');
  git('add', '.');
  git('commit', '--quiet', '-m', 'one');
  const [first, version] = [git('rev-parse', '--short', 'HEAD'), codeVersion(workflows, '1.24.0')];
  write('run.ts', 'export const run = 2;\n');
  git('commit', '--quiet', '-a', '-m', 'two');
  expect(commitOfVersion(version, root)).toBe(first);
  const second = git('rev-parse', '--short', 'HEAD');
  askFor('1.25.0');
  git('commit', '--quiet', '-a', '-m', 'three');
  expect(commitOfVersion(codeVersion(workflows, '1.24.0'), root)).toBe(second);
  expect(commitOfVersion(codeVersion(workflows, '1.25.0'), root)).toBe(git('rev-parse', '--short', 'HEAD'));
  expect(commitOfVersion('0'.repeat(12), root)).toBeUndefined();
});
