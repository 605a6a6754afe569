export function acquireLock(
  path: string,
  options?: { onWait?: (holder: number) => void; timeout?: number },
): Promise<(() => void) | undefined>;
