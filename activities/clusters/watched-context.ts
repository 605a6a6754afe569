import type { ClusterContext } from './cluster-context.ts';

/**
 * The same context, whose clusters tell when they have answered a look at a job: a watcher that loops sees its job again
 * and again, one that hangs does not.
 */
export function watchedContext(context: ClusterContext, looked: () => void): ClusterContext {
  return {
    ...context,
    cluster: (name) => {
      const adapter = context.cluster(name);
      return {
        name: adapter.name,
        pollMilliseconds: adapter.pollMilliseconds,
        submit: (key, spec) => adapter.submit(key, spec),
        find: (key, folder) => adapter.find(key, folder),
        cancel: (handle) => adapter.cancel(handle),
        logs: (handle, lines) => adapter.logs(handle, lines),
        status: async (handle) => {
          const status = await adapter.status(handle);
          looked();
          return status;
        },
      };
    },
  };
}
