import type { Command } from 'commander';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { upCommand } from './up.ts';

/**
 * Every command of `thoughtloop`, in the order of its help. Each file makes one command and imports what its action
 * needs inside the action: `--help` and quick commands must not wait for Temporal's client to load.
 */
export const COMMANDS: readonly (() => Command)[] = [doctorCommand, upCommand, downCommand];
