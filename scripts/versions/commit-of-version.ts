import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { VERSIONED_FOLDER, versionOf, WORKFLOW_SDK } from '../../workers/code-version.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Says which SDK a commit is made for, as an exact version. */
const MANIFEST = 'package.json';

/** Commits that are looked at, newest first: each takes some milliseconds. */
const MOST_COMMITS = 300;

/**
 * Finds a commit with the workflows and the SDK of a version in a checkout's history.
 * @param root of the checkout. @default this one
 * @returns its abbreviated id; undefined when none is found, or there is no git.
 */
export function commitOfVersion(version: string, root: string = ROOT): string | undefined {
  const git = (...args: string[]): string => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout ?? '';
  const commits = git(
    'log',
    '--all',
    '--full-history',
    `-n${MOST_COMMITS}`,
    '--format=%h',
    '--',
    VERSIONED_FOLDER,
    MANIFEST,
  );
  return commits
    .split('\n')
    .filter((commit) => commit !== '')
    .find((commit) => {
      const files = filesOf(git('ls-tree', '-r', '-z', commit, '--', VERSIONED_FOLDER));
      return versionOf(files, sdkIn(git('show', `${commit}:${MANIFEST}`))) === version;
    });
}

/** The SDK's version that a package.json asks for; none in a commit from before there was one. */
function sdkIn(manifest: string): string {
  const { dependencies = {} } = JSON.parse(manifest || '{}') as { readonly dependencies?: Record<string, string> };
  return dependencies[WORKFLOW_SDK] ?? '';
}

/** Takes `git ls-tree -z` apart: `<mode> blob <id>\t<path>\0` for each file. */
function filesOf(tree: string): { path: string; blob: string }[] {
  return [...tree.matchAll(/blob ([0-9a-f]+)\t([^\0]+)\0/g)].map(([, blob = '', path = '']) => ({
    path: path.slice(VERSIONED_FOLDER.length + 1),
    blob,
  }));
}
