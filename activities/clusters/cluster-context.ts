import { fileURLToPath } from 'node:url';
import type { Dependencies } from '../dependencies.ts';
import { PATIENCE, type Patience } from '../m-step/patience.ts';
import { clusterByName } from './cluster-by-name.ts';
import type { JobCluster } from './job-cluster.ts';

/** The programs that jobs run: what comes before their `--spec FILE`. */
export interface JobPrograms {
  readonly prepare: readonly [string, ...string[]];
  readonly train: readonly [string, ...string[]];
  readonly serve: readonly [string, ...string[]];
}

/** What the activities on jobs share. */
export interface ClusterContext extends Dependencies {
  readonly programs: JobPrograms;
  readonly patience: Patience;
  /** One adapter a name. @throws RecipeInvalid for a name that is not known. */
  readonly cluster: (name: string) => JobCluster;
}

const program = (path: string): string => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));

/** Programs of a person's own in place of those of deploy/, whose contracts they keep. Absolute paths. */
export interface OwnPrograms {
  /** In place of train.py, see deploy/trainer/README.md. */
  readonly trainer?: string | undefined;
  /** In place of serve.py, see deploy/server/README.md. */
  readonly server?: string | undefined;
}

/** The programs of deploy/, where a person has no others. */
export function jobPrograms(python: string, { trainer, server }: OwnPrograms = {}): JobPrograms {
  return {
    prepare: [python, program('trainer/prepare.py')],
    train: trainer === undefined ? [python, program('trainer/train.py')] : [trainer],
    serve: server === undefined ? [python, program('server/serve.py')] : [server],
  };
}

/** The programs of deploy/ and the product's patience, where no others are given. */
export function clusterContext(
  dependencies: Dependencies,
  changes: Partial<Pick<ClusterContext, 'programs' | 'patience'>> = {},
): ClusterContext {
  const { python } = dependencies;
  const adapters = new Map<string, JobCluster>();
  return {
    ...dependencies,
    programs: jobPrograms(python),
    patience: PATIENCE,
    ...changes,
    cluster: (name) => {
      const adapter = adapters.get(name) ?? clusterByName(name, { python });
      adapters.set(name, adapter);
      return adapter;
    },
  };
}
