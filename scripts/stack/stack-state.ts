import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { OperatorError } from '../operator-error.ts';

const identitySchema = z.object({ pid: z.number().int().positive(), start: z.string() });

/**
 * A process of the stack.
 *
 * `running` → (it ends) → `restarting`, a pause that doubles up to a limit → `running`; after several ends in quick
 * succession it is shown as `failing` in the pauses, and is still started again.
 */
const processSchema = identitySchema.extend({
  name: z.string(),
  state: z.enum(['running', 'restarting', 'failing']),
  restarts: z.number().int(),
});

const stateSchema = z.object({
  version: z.literal(1),
  /** `starting` → `ready` → `stopped`, or `starting` → `failed` with the reason in `failure`. */
  status: z.enum(['starting', 'ready', 'failed', 'stopped']),
  failure: z.string().optional(),
  supervisor: identitySchema.optional(),
  /** Name of the machine that the stack was started on: process ids are of there. */
  host: z.string().optional(),
  workers: z.boolean(),
  samplers: z.number().int().positive(),
  postgres: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('embedded'), port: z.number().int() }),
    z.object({ kind: z.literal('given') }),
  ]),
  temporal: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('embedded'),
      port: z.number().int(),
      uiPort: z.number().int(),
      program: z.string(),
      /** Of the `temporal` that created the database file. */
      version: z.string(),
    }),
    z.object({ kind: z.literal('given') }),
  ]),
  processes: z.array(processSchema),
});

/** What `<data>/stack.json` says. It holds no secret. */
export type StackState = z.infer<typeof stateSchema>;
export type StackProcess = z.infer<typeof processSchema>;

/** Namespace of the embedded Temporal server. */
export const EMBEDDED_NAMESPACE = 'default';

/** The file that holds the state of a data folder's stack. */
export function stateFile(dataFolder: string): string {
  return join(dataFolder, 'stack.json');
}

/**
 * Reads the state of the stack of a data folder.
 * @returns undefined when no stack was ever started there.
 * @throws OperatorError when the file is not one of ours.
 */
export function readState(dataFolder: string): StackState | undefined {
  let text: string;
  try {
    text = readFileSync(stateFile(dataFolder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new OperatorError({
      expected: 'the state of a stack, version 1',
      found: error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message,
      where: stateFile(dataFolder),
      remedy: 'End the processes of this data folder by hand, remove that file, and run `thoughtloop up`.',
      cause: error,
    });
  }
}

/** Replaces the state in one step: a reader sees the old one or the new one. */
export function writeState(dataFolder: string, state: StackState): void {
  const draft = `${stateFile(dataFolder)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(draft, stateFile(dataFolder));
}
