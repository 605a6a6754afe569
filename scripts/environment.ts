import { cpus, freemem, loadavg, release, totalmem, type } from 'node:os';

/** The machine and the programs that figures were measured on. */
export interface Environment {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGigabytes: number;
  readonly freeGigabytes: number;
  readonly system: string;
  readonly node: string;
  /** Load of the last minute before the benches began: what others did on the machine. */
  readonly load: number;
}

export function environment(): Environment {
  const gigabytes = (bytes: number): number => Math.round(bytes / 1e8) / 10;
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGigabytes: gigabytes(totalmem()),
    freeGigabytes: gigabytes(freemem()),
    system: `${type()} ${release()}`,
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}
