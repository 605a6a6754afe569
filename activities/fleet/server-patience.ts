/** How a server's life is watched. */
export interface ServerPatience {
  /** Between two looks at whether it works, milliseconds. */
  readonly look: number;
  /** Limit of a probe and of each request before it is admitted, milliseconds: a cold server's first answer is slow. */
  readonly probe: number;
  /** Looks in a row without a sign of life after which it counts as hung. */
  readonly looks: number;
}

/** A hung server is replaced within about two minutes; samplers stop using it earlier by themselves. */
export const SERVER_PATIENCE: ServerPatience = { look: 10_000, probe: 30_000, looks: 3 };
