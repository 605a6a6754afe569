import { DefaultLogger, Runtime, makeTelemetryFilterString, type LogLevel } from '@temporalio/worker';
import { pino } from 'pino';
import type { WorkerConfig } from './config.ts';

/**
 * Installs Temporal's runtime for this process: JSON lines by pino, metrics for Prometheus. Once per process, before
 * anything else of Temporal.
 */
export function installRuntime(config: WorkerConfig, worker: string): void {
  const logger = pino({
    level: config.logLevel,
    base: { worker, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const level = (config.logLevel === 'trace' ? 'debug' : config.logLevel).toUpperCase() as LogLevel;
  Runtime.install({
    logger: new DefaultLogger(level, ({ level: entryLevel, message, meta }) => {
      const write = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
      const { error, ...fields } = (meta ?? {}) as Record<string, unknown>;
      logger[write[entryLevel]]({ ...fields, ...(error === undefined ? {} : { err: error }) }, message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      ...(config.metricsAddress === undefined
        ? {}
        : { metrics: { prometheus: { bindAddress: config.metricsAddress } } }),
    },
  });
}
