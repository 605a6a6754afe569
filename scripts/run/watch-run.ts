import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../activities/store/pool.ts';
import { findRun } from '../../activities/store/runs.ts';
import { isDatabaseAway } from '../database-failure.ts';
import { EXIT_CODES, OperatorError, type ExitCode } from '../operator-error.ts';
import { readOverview, type RunOverview } from './overview.ts';
import { headline, overviewText, parkedText } from './overview-text.ts';
import { clock, modelName, withError } from '../../activities/report/quantities.ts';

export interface WatchOptions {
  readonly database: Database;
  readonly dataFolder: string;
  readonly run: string;
  /** Where progress is shown. */
  readonly out: NodeJS.WriteStream;
  /** Time between two looks at the store. @default 2,000 */
  readonly pollMilliseconds?: number;
}

const POLL_MILLISECONDS = 2_000;
/** A log gets a line at least this often, so that silence means that something is wrong. */
const SILENCE_MILLISECONDS = 60_000;
/** A log gets a line about mere progress at most this often. */
const PROGRESS_MILLISECONDS = 10_000;
/** The store may be away this long, e.g. while the stack is started again, before watching gives up. */
const PATIENCE_MILLISECONDS = 300_000;

/**
 * Shows a run's progress until it ends or waits for a decision. A terminal is redrawn; a log gets a line whenever
 * something happened, and one a minute.
 *
 * @returns the run's last overview
 * @throws when the store stays away for five minutes, and at once for anything else
 */
export async function watchRun(options: WatchOptions): Promise<RunOverview> {
  const show = options.out.isTTY ? redrawing(options.out) : logging(options.out);
  let lastAnswer = performance.now();
  for (;;) {
    try {
      const row = await findRun(options.database, options.run);
      if (row === null) throw gone(options.run);
      const overview = await readOverview(options.database, options.dataFolder, row);
      lastAnswer = performance.now();
      show(overview);
      if (row.status !== 'Running' && row.status !== 'Paused') return overview;
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() - lastAnswer > PATIENCE_MILLISECONDS) throw error;
    }
    await pause(options.pollMilliseconds ?? POLL_MILLISECONDS);
  }
}

/** 0 for a run that completed, 4 for one that is parked, failed or cancelled. */
export function exitCodeOf({ run }: RunOverview): ExitCode {
  return run.status === 'Completed' ? EXIT_CODES.ok : EXIT_CODES.runStopped;
}

function gone(run: string): OperatorError {
  return new OperatorError({
    expected: `run ${run} in the store`,
    found: 'none',
    remedy: '`thoughtloop list` shows the runs there are.',
  });
}

function redrawing(out: NodeJS.WriteStream): (overview: RunOverview) => void {
  let drawn = 0;
  return (overview) => {
    const width = Math.max(20, out.columns);
    const room = Math.max(5, out.rows - 1);
    // Lines are cut to the terminal's width: one that wraps would be counted as one and drawn over as two.
    const lines = overviewText(overview)
      .split('\n')
      .slice(0, room)
      .map((line) => line.slice(0, width - 1));
    const up = drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`;
    out.write(`${up}${lines.join('\n')}\n`);
    drawn = lines.length;
  };
}

function logging(out: NodeJS.WritableStream): (overview: RunOverview) => void {
  const say = (text: string, at = new Date()): boolean => out.write(`${clock(at)}  ${text}\n`);
  let lastEvent = 0;
  let lastLine = '';
  let saidAt = 0;
  const told = new Set<string>();
  return (overview) => {
    for (const event of overview.events) {
      if (event.event > lastEvent && lastEvent > 0) say(`${event.kind}: ${event.message}`, event.at);
    }
    lastEvent = overview.events.at(-1)?.event ?? lastEvent;
    for (const result of overview.results) {
      const line = [
        modelName(result),
        result.accuracy === null ? '' : `accuracy ${withError(result.accuracy, result.standardError)}`,
        result.elbo === null ? '' : `ELBO ${withError(result.elbo, result.elboStandardError, 2)}`,
        result.nll === null ? '' : `NLL ${withError(result.nll, result.nllStandardError, 2)}`,
      ].filter((part) => part !== '');
      const text = line.join(' · ');
      if (told.has(text)) continue;
      told.add(text);
      if (line.length > 1) say(text);
    }
    const line = headline(overview);
    const silence = performance.now() - saidAt;
    if ((line !== lastLine && silence >= PROGRESS_MILLISECONDS) || silence >= SILENCE_MILLISECONDS) {
      say(line);
      lastLine = line;
      saidAt = performance.now();
    }
    if (overview.run.cause !== null) out.write(`\n${parkedText(overview)}\n`);
  };
}
