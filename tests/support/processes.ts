import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine. */
export interface FoundProcess {
  readonly pid: number;
  /** Its command line, arguments joined by spaces. */
  readonly command: string;
}

/** Processes, other than zombies, whose command line names all of these; Linux only (`/proc`). */
export function processesNaming(...words: readonly string[]): FoundProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return command !== '' && words.every((word) => command.includes(word)) ? [{ pid: Number(entry), command }] : [];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
}
