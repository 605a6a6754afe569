import type { ImportProgress } from '../../activities/corpus/import.ts';

/** Least time between two lines, milliseconds: a terminal's line is redrawn, a log's is added. */
const TERMINAL_MS = 200;
const LOG_MS = 5_000;

/**
 * Shows how far imports are, with rate and time left, on stderr: one line that is redrawn on a terminal, now and then a
 * line of its own in a log.
 */
export class ImportProgressLine {
  private readonly stream: NodeJS.WriteStream;
  private shownAt = Date.now();
  private startedAt = Date.now();
  private file = '';
  private drawn = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.stream = stream;
  }

  show(progress: ImportProgress): void {
    const now = Date.now();
    if (progress.file !== this.file) {
      this.file = progress.file;
      this.startedAt = now;
    }
    if (now - this.shownAt < (this.stream.isTTY ? TERMINAL_MS : LOG_MS)) return;
    this.shownAt = now;
    const line = describeProgress(progress, (now - this.startedAt) / 1000);
    this.stream.write(this.stream.isTTY ? `\r\x1b[2K${line}` : `${line}\n`);
    this.drawn = this.stream.isTTY;
  }

  /** Takes the redrawn line away, so that a result stands alone. */
  clear(): void {
    if (this.drawn) this.stream.write('\r\x1b[2K');
    this.drawn = false;
  }
}

/** One line about an import that has been running for so many seconds. */
export function describeProgress(progress: ImportProgress, seconds: number): string {
  const { file, bytes, totalBytes, documents, badLines } = progress;
  if (bytes === 0) return `${file}: reading it for its digest`;
  const share = bytes / totalBytes;
  const left = Math.round(seconds / share - seconds);
  const bad = badLines === 0 ? '' : ` · ${badLines} bad lines`;
  const rate = Math.round(documents / Math.max(seconds, 0.001)).toLocaleString('en');
  const percent = Math.floor(100 * share);
  return `${file}: ${percent} % · ${documents.toLocaleString('en')} documents · ${rate}/s · ${left} s left${bad}`;
}
