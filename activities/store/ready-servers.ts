import type { ServerEndpoint } from '../vllm/client.ts';
import type { Queryable } from './pool.ts';

/** The servers of a fleet that are up and verified, as whoever supervises them has written. */
export async function listReadyServers(database: Queryable, fleet: string): Promise<ServerEndpoint[]> {
  const { rows } = await database.query<ServerEndpoint>({
    name: 'ready-servers',
    text: `select url, model as "servedName" from servers
      where fleet = $1 and state = 'ready' and url is not null order by slot`,
    values: [fleet],
  });
  return rows;
}
