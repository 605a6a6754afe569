import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { SuperviseServerInput } from '../../workflows/contract/activities.ts';
import { iterationFolder, iterationWorkflowId, serverKey } from '../../workflows/contract/ids.ts';
import type { Job, ServerJobDetails } from '../store/jobs.ts';

/** A serving job as it is written to the store and to its spec (deploy/server/serve.py). */
export interface ServerJob {
  readonly record: Omit<Job<ServerJobDetails>, 'state'>;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** @param dataFolder Absolute path. */
export function serverJob(input: SuperviseServerInput, generation: number, dataFolder: string): ServerJob {
  const { place, fleet, slot, checkpoint, servedModel, settings } = input;
  const key = serverKey(fleet, slot, generation);
  const folder = join(iterationFolder(place), 'servers', fleetFolder(input), String(slot), `g${generation}`);
  const { maxModelLen, maxNumSeqs, kvCacheGigabytes, cluster } = settings;
  return {
    record: { key, run: place.run, cluster, kind: 'server', folder, details: { fleet, slot, generation } },
    spec: {
      key,
      model: join(dataFolder, checkpoint.folder, 'model'),
      servedName: servedModel,
      output: join(dataFolder, folder),
      dtype: settings.dtype,
      prefixCaching: settings.prefixCaching,
      extraArgs: settings.arguments,
      ...(maxModelLen === null ? {} : { maxModelLen }),
      ...(maxNumSeqs === null ? {} : { maxNumSeqs }),
      ...(kvCacheGigabytes === null ? {} : { kvCacheGigabytes }),
      // Servers of one machine share its cores; what another machine has is its own business.
      ...(cluster === 'process' ? { threads: Math.max(1, Math.floor(availableParallelism() / settings.servers)) } : {}),
    },
  };
}

/** A fleet's id as the name of a folder inside its iteration's. */
function fleetFolder({ place, fleet }: SuperviseServerInput): string {
  const prefix = `${iterationWorkflowId(place)}/`;
  const name = fleet.startsWith(prefix) ? fleet.slice(prefix.length) : fleet;
  return name.replaceAll(/[^\w.-]+/g, '_');
}
