export function findPython(): Promise<{
  readonly path: string;
  readonly version: readonly number[];
  readonly platform: string;
}>;
