import { pythonVersions } from '../python-versions.ts';
import { isTemporalGiven } from '../stack/stack-environment.ts';
import { findTemporal } from '../stack/temporal-program.ts';
import { attempt, right, wrong, type Check } from './check.ts';

const OLDEST_NODE = 24;

/** The programs on this machine: Node, Python with vLLM and the trainer's packages, temporal. */
export async function toolchainChecks(): Promise<Check[]> {
  return [nodeCheck(), pythonCheck(), await temporalProgramCheck()];
}

function nodeCheck(): Check {
  const major = Number(process.versions.node.split('.')[0]);
  const found = `${process.version} (${process.execPath})`;
  return major >= OLDEST_NODE
    ? right('Node', found)
    : wrong('Node', found, `Install Node ${OLDEST_NODE}, or run \`npx thoughtloop …\`, which brings it.`);
}

function pythonCheck(): Check {
  const name = 'Python environment';
  const python = process.env['THOUGHTLOOP_PYTHON'];
  if (python === undefined || python === '') {
    return wrong(name, 'none', '`thoughtloop doctor --fix` or `thoughtloop up` installs it (about 4 GB, minutes).');
  }
  const versions = pythonVersions(python);
  if (versions.kind === 'broken') {
    return wrong(name, `${python}: ${versions.reason}`, 'Set THOUGHTLOOP_PYTHON to a working python, or unset it.');
  }
  const { packages, missing } = versions;
  const found = `${versions.python} with ${packages.join(', ') || 'nothing of ours'} (${python})`;
  return missing.length === 0
    ? right(name, found)
    : wrong(name, found, `Install ${missing.join(', ')} there, or unset THOUGHTLOOP_PYTHON.`);
}

function temporalProgramCheck(): Promise<Check> {
  const name = 'temporal program';
  return attempt(name, '`thoughtloop up` installs it.', async () => {
    if (isTemporalGiven()) return right(name, 'not needed: the environment names a Temporal server');
    const { path, version } = findTemporal();
    return right(name, `${version} (${path})`);
  });
}
