/** Numbers with their reasons. */

/** Shards a batch workflow: 250 activities are at most 1,500 events, well under the 4,096 at which Temporal suggests to continue as new. */
export const MAX_SHARDS_PER_BATCH = 250;

/**
 * Ranges of a split that are cut or written at once. Each is a core's work and holds a batch of documents: enough for the
 * samplers of a machine or two, little for one that gets them all.
 */
export const RANGES_AT_ONCE = 8;

/**
 * A sampling activity that says nothing for this long is given to another worker. Heartbeats go out every 5 s: three may be
 * lost, and with the pause before the next attempt a shard of a killed worker is asked for again within 30 s. A worker
 * that starts on the same machine hands it back sooner.
 */
export const SAMPLING_HEARTBEAT_SECONDS = 20;

/** A job watcher or server supervisor that says nothing for this long is replaced; cancellation is seen within 0.8 of it. */
export const CLUSTER_HEARTBEAT_SECONDS = 30;

/** An evaluation activity that says nothing for this long is given to another worker. */
export const EVALUATION_HEARTBEAT_SECONDS = 30;

/**
 * How long a sampler or evaluator waits for a server before it fails the attempt. Long: it is the fleet that gives up, by
 * `fleet.start_timeout_seconds`, and ends them; jobs may wait in a cluster's queue for a day.
 */
export const SERVER_WAIT_SECONDS = 6 * 3600;

/** Starts of one server slot that may fail in a row before the fleet gives up. */
export const MAX_FAILED_STARTS = 3;
