import type { Command } from 'commander';
import { cancelCommand } from './cancel.ts';
import { corpusCommand } from './corpus.ts';
import { decideCommand } from './decide.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { forkCommand } from './fork.ts';
import { listCommand } from './list.ts';
import { logsCommand } from './logs.ts';
import { pauseCommand } from './pause.ts';
import { planCommand } from './plan.ts';
import { reportCommand } from './report.ts';
import { resumeCommand } from './resume.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';
import { thoughtsCommand } from './thoughts.ts';
import { upCommand } from './up.ts';
import { watchCommand } from './watch.ts';

/**
 * Every command of `thoughtloop`, in the order of its help. Each file makes one command and imports what its action
 * needs inside the action: `--help` and quick commands must not wait for Temporal's client to load.
 */
export const COMMANDS: readonly (() => Command)[] = [
  doctorCommand,
  upCommand,
  downCommand,
  corpusCommand,
  planCommand,
  startCommand,
  forkCommand,
  listCommand,
  statusCommand,
  watchCommand,
  thoughtsCommand,
  reportCommand,
  decideCommand,
  pauseCommand,
  resumeCommand,
  cancelCommand,
  logsCommand,
  demoCommand,
];
