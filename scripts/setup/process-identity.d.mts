export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: equal exactly when it is the same process. */
  readonly start: string;
}
export function processStart(pid: number): string | undefined;
export function isAlive(identity: ProcessIdentity): boolean;
export function ownIdentity(): ProcessIdentity;
