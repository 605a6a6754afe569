import { findSplit, listSplits, type SplitSummary } from '../../activities/store/corpora.ts';
import { measureSplit, readDocuments, type SplitSize, type StoredDocument } from '../../activities/store/documents.ts';
import type { Database } from '../../activities/store/pool.ts';

/** A split as `corpus show` tells of it. `size` and `sample` are of visible documents. */
export interface SplitView extends SplitSummary {
  readonly size: SplitSize;
  readonly sample: readonly StoredDocument[];
}

const EMPTY: SplitSize = { characters: 0, bytes: 0, longestBytes: 0, withContext: 0, withThoughts: 0 };

/**
 * Looks at the splits of a corpus, or at one; reads all their text.
 * @param number documents of each split that are shown
 */
export async function viewCorpus(
  database: Database,
  name: string,
  { split, number }: { readonly split?: string | undefined; readonly number: number },
): Promise<SplitView[]> {
  const summaries = (await listSplits(database, name)).filter((row) => split === undefined || row.split === split);
  const views: SplitView[] = [];
  for (const summary of summaries) {
    const found = await findSplit(database, name, summary.split);
    const size = found === null ? EMPTY : await measureSplit(database, found);
    const sample = found === null ? [] : await readDocuments(database, found, 0, number);
    views.push({ ...summary, size, sample });
  }
  return views;
}

/** A document as lines for a terminal; texts as JSON strings, so that their white space can be seen. */
export function describeDocument({ ordinal, context, text, givenEnds, givenThoughts }: StoredDocument): string {
  const lines = [`document ${ordinal}`];
  if (context !== null) lines.push(`  context  ${JSON.stringify(context)}`);
  if (givenEnds === null) lines.push(`  text     ${JSON.stringify(text)}`);
  for (const [index, end] of (givenEnds ?? []).entries()) {
    const thought = givenThoughts?.[index] ?? '';
    if (thought !== '') lines.push(`  thought  ${JSON.stringify(thought)}`);
    lines.push(`  chunk    ${JSON.stringify(text.slice(givenEnds?.[index - 1] ?? 0, end))}`);
  }
  return lines.join('\n');
}
