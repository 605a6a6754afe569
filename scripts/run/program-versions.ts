import manifest from '../../package.json' with { type: 'json' };
import type { Queryable } from '../../activities/store/pool.ts';
import { pythonVersions } from '../python-versions.ts';

/** Programs of this machine that a run is made with, and their versions; what is not there is left out. */
export async function programVersions(database: Queryable): Promise<(readonly [program: string, version: string])[]> {
  const { rows } = await database.query<{ server_version: string }>('show server_version');
  const python = process.env['THOUGHTLOOP_PYTHON'] ?? '';
  const found = python === '' ? undefined : pythonVersions(python);
  return [
    ['thoughtloop', manifest.version],
    ['Node', process.versions.node],
    ['PostgreSQL', rows[0]?.server_version.split(' ')[0] ?? ''],
    ...(found?.kind === 'found' ? [['Python', found.python] as const, ...found.packages.map(nameAndVersion)] : []),
  ];
}

function nameAndVersion(written: string): readonly [program: string, version: string] {
  const [program = '', version = ''] = written.split(' ');
  return [program, version];
}
