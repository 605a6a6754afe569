import { failure } from '../failure.ts';
import type { JobCluster } from './job-cluster.ts';
import { createProcessCluster } from './process-cluster.ts';

/** What adapters are made from. */
export interface ClusterOptions {
  /** Python interpreter of the job runner. */
  readonly python: string;
}

const ADAPTERS: Readonly<Record<string, (options: ClusterOptions) => JobCluster>> = {
  process: ({ python }) => createProcessCluster(python),
};

/**
 * The adapter that a recipe names.
 * @throws RecipeInvalid for a name that is not known.
 */
export function clusterByName(name: string, options: ClusterOptions): JobCluster {
  const create = Object.hasOwn(ADAPTERS, name) ? ADAPTERS[name] : undefined;
  if (create === undefined) {
    throw failure(
      'RecipeInvalid',
      `Expected a cluster of ${Object.keys(ADAPTERS).join(', ')}, got \`${name}\` (m-step.cluster, fleet.cluster)`,
    );
  }
  return create(options);
}
