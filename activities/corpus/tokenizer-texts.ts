import { chunkTexts } from '../segmentation/segment.ts';
import type { CorpusSplit } from '../store/corpora.ts';
import { readBatches, readDocuments, type StoredDocument } from '../store/documents.ts';
import type { Database } from '../store/pool.ts';
import { resolveSplit } from './cut-split.ts';
import { writeDurably } from './durable-file.ts';

/**
 * Writes the texts that a tokenizer is trained on: JSON lines `{"text"}`, one a document, in the split's order; the text
 * is the context, then each chunk with its teacher's thought before it.
 *
 * @param run the run whose base model is made: it sees what was imported before it
 * @param limit documents at most
 * @returns documents written
 * @throws CorpusInvalid when the split is missing or empty; DiskFull
 */
export async function writeTokenizerTexts(
  database: Database,
  corpus: { readonly name: string; readonly split: string },
  run: string,
  file: string,
  limit: number,
): Promise<number> {
  const split = await resolveSplit(database, corpus, run);
  const documents = Math.min(limit, split.documents);
  await writeDurably(file, (handle) => handle.writeFile(lines(database, { ...split, documents })));
  return documents;
}

async function* lines(database: Database, split: CorpusSplit): AsyncGenerator<string> {
  const all = { from: 0, to: split.documents };
  const read = (from: number, to: number): Promise<StoredDocument[]> => readDocuments(database, split, from, to);
  for await (const { found } of readBatches(database, split, all, read)) {
    for (const document of found) yield `${JSON.stringify({ text: wholeText(document) })}\n`;
  }
}

function wholeText({ context, text, givenEnds, givenThoughts }: StoredDocument): string {
  const chunks = chunkTexts(text, givenEnds ?? [text.length]);
  return (context ?? '') + chunks.map((chunk, index) => (givenThoughts?.[index] ?? '') + chunk).join('');
}
