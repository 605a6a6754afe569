import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../workflows/contract/search-attributes.ts';
import { connectTemporal } from '../connection.ts';
import { foreignWorkers } from '../stack/foreign-workers.ts';
import { PollerWatch } from '../stack/poller-watch.ts';
import { taskQueuePollers } from '../stack/task-queue-pollers.ts';
import { answered } from '../temporal-answer.ts';
import { attempt, attemptAll, right, wrong, type Check } from './check.ts';
import { versionChecks } from './versions.ts';

const START = 'Run `thoughtloop up`, or set TEMPORAL_ADDRESS (or a profile) to a Temporal server that answers.';

const AGAIN = "Look at the server's log, then run `thoughtloop doctor` again.";

/** Temporal's numbers for the types that search attributes of ours have. */
const VALUE_TYPES = { Keyword: 2, Int: 3 } as const;

/**
 * The Temporal server: whether it answers, its namespace, the search attributes, and who polls the task queues.
 * @param fix registers missing search attributes, and what `versionChecks` says.
 */
export async function temporalChecks(dataFolder: string, fix: boolean): Promise<Check[]> {
  let connection: Connection | undefined;
  const reached = await attempt('Temporal', START, async () => {
    const { connectionOptions } = connectTemporal(dataFolder);
    const taken = await Connection.connect({ ...(connectionOptions as object), connectTimeout: '5 seconds' });
    connection = taken;
    const { serverVersion } = await answered(taken, () => taken.workflowService.getSystemInfo({}));
    return right('Temporal', `server ${serverVersion} at ${connectionOptions.address ?? 'its default address'}`);
  });
  if (connection === undefined) return [reached];
  const open = connection;
  try {
    const { namespace } = connectTemporal(dataFolder);
    const create = `Create it: \`temporal operator namespace create -n ${namespace} --retention 90d\`.`;
    const found = await attempt('namespace', create, () => answered(open, () => namespaceCheck(open, namespace)));
    if (!found.ok) return [reached, found];
    const allowed = "Registering needs the operator's rights; ask who runs the server.";
    return [
      reached,
      found,
      await attempt('search attributes', allowed, () =>
        answered(open, () => searchAttributesCheck(open, namespace, fix)),
      ),
      ...(await attemptAll('versions', AGAIN, () => versionChecks(open, namespace, dataFolder, fix))),
      ...(await attemptAll('worker', AGAIN, () => foreignChecks(open, namespace, dataFolder))),
    ];
  } finally {
    await open.close();
  }
}

async function namespaceCheck(connection: Connection, namespace: string): Promise<Check> {
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  const days = Math.round(Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400);
  return right('namespace', `${namespace}, keeps finished workflows ${days} days`);
}

async function searchAttributesCheck(connection: Connection, namespace: string, fix: boolean): Promise<Check> {
  const name = 'search attributes';
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const wanted = Object.entries(SEARCH_ATTRIBUTES).map(([key, type]) => [key, VALUE_TYPES[type]] as const);
  const clashing = wanted.filter(([key, type]) => ![undefined, type].includes(customAttributes?.[key] as typeof type));
  if (clashing.length > 0) {
    const keys = clashing.map(([key]) => key).join(', ');
    return wrong(name, `${keys} of another type`, `Remove ${keys} from the namespace, or use another namespace.`);
  }
  const missing = wanted.filter(([key]) => customAttributes?.[key] === undefined);
  if (missing.length === 0) return right(name, wanted.map(([key]) => key).join(', '));
  const keys = missing.map(([key]) => key).join(', ');
  if (!fix) return wrong(name, `without ${keys}`, 'Run `thoughtloop doctor --fix`, which registers them.');
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) });
  return right(name, `registered ${keys} just now`);
}

async function foreignChecks(connection: Connection, namespace: string, dataFolder: string): Promise<Check[]> {
  const asking = new PollerWatch().there(await taskQueuePollers(connection, namespace));
  const foreign = await foreignWorkers(asking, dataFolder);
  const cure =
    'Stop them, or give each stack a namespace of its own (TEMPORAL_NAMESPACE): each is given the work of both.';
  return foreign.map((identity) => wrong('worker', `${identity} is of another data folder`, cure));
}
