/** How a server's life is watched. */
export interface ServerPatience {
  /** Between two looks at whether it works, milliseconds. */
  readonly look: number;
  /** Limit of a probe and of each request before it is admitted, milliseconds: a cold server's first answer is slow. */
  readonly probe: number;
  /** Looks in a row without a sign of life after which it counts as hung. */
  readonly looks: number;
  /** For another attempt to take over a server whose own attempt is known no more, milliseconds; then it is stopped. */
  readonly orphan: number;
}

/**
 * A hung server is replaced within about two minutes; samplers stop using it earlier by themselves. An attempt that
 * timed out is followed by the next within a minute.
 */
export const SERVER_PATIENCE: ServerPatience = { look: 10_000, probe: 30_000, looks: 3, orphan: 120_000 };
