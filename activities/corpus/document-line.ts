import { isUtf8 } from 'node:buffer';
import { MARKER_TEXTS } from '../vllm/tokenizer.ts';

/** A document as a line of a corpus file says it. */
export interface DocumentLine {
  /** Raw text before the document that is read but never given a thought. */
  readonly context: string | null;
  readonly text: string;
  /** Where the line itself cuts the text: end offsets in UTF-16 code units; null where it does not. */
  readonly givenEnds: readonly number[] | null;
  /** One thought a chunk, '' where there is none; null where the line has no chunks. */
  readonly givenThoughts: readonly string[] | null;
}

export type ParsedLine =
  | { readonly kind: 'document'; readonly document: DocumentLine }
  | { readonly kind: 'blank' }
  | { readonly kind: 'bad'; readonly reason: string };

/** Chunks a document may have: the store counts them in a smallint. */
export const MAX_CHUNKS = 32_767;

/** No text of a corpus may hold a marker: a tokenizer could read it as the marker itself. */
const MARKERS = Object.values(MARKER_TEXTS);

const WHITE = /^[ \t\r]*$/;

/**
 * Reads one line (without its newline) of a corpus file: `{"text", "context"?}` or
 * `{"context"?, "chunks": [{"text", "thought"?}]}`, whose text is the concatenation of the chunks. Other fields are
 * ignored. Nothing is repaired: what would be stored as something other than what the file says is a bad line.
 *
 * @param textField name of the field that holds the text of a line without chunks
 */
export function parseDocumentLine(line: Buffer, textField: string): ParsedLine {
  if (!isUtf8(line)) return bad('invalid UTF-8');
  const source = line.toString('utf8');
  if (WHITE.test(source)) return { kind: 'blank' };
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return bad(`invalid JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad('not a JSON object');
  const fields = value as Record<string, unknown>;

  const context = readContext(fields['context']);
  if (typeof context === 'object' && context !== null) return context;
  if (fields['chunks'] !== undefined && fields['chunks'] !== null) {
    return readChunks(fields['chunks'], context, textField, fields[textField]);
  }
  const text = fields[textField];
  const reason = textProblem(text, `\`${textField}\``);
  if (reason !== null) return bad(reason);
  return {
    kind: 'document',
    document: { context, text: text as string, givenEnds: null, givenThoughts: null },
  };
}

function bad(reason: string): { kind: 'bad'; reason: string } {
  return { kind: 'bad', reason };
}

function readContext(value: unknown): string | null | { kind: 'bad'; reason: string } {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string') return bad('`context` is not a string');
  const reason = characterProblem(value, '`context`');
  return reason === null ? value : bad(reason);
}

function readChunks(value: unknown, context: string | null, textField: string, whole: unknown): ParsedLine {
  if (!Array.isArray(value)) return bad('`chunks` is not a list');
  if (value.length === 0) return bad('`chunks` is empty');
  if (value.length > MAX_CHUNKS) return bad(`\`chunks\` has ${value.length} entries, more than ${MAX_CHUNKS}`);
  const givenEnds: number[] = [];
  const givenThoughts: string[] = [];
  let text = '';
  for (const [index, chunk] of (value as unknown[]).entries()) {
    if (typeof chunk !== 'object' || chunk === null) return bad(`\`chunks[${index}]\` is not a JSON object`);
    const { text: piece, thought } = chunk as Record<string, unknown>;
    const reason = textProblem(piece, `\`chunks[${index}].text\``) ?? thoughtProblem(thought, index);
    if (reason !== null) return bad(reason);
    text += piece as string;
    givenEnds.push(text.length);
    givenThoughts.push((thought as string | null | undefined) ?? '');
  }
  // Pieces that are sound alone can make up a marker or a surrogate pair between them.
  const reason = textProblem(text, 'the chunks together');
  if (reason !== null) return bad(reason);
  if (whole !== undefined && whole !== text) return bad(`\`${textField}\` differs from the chunks together`);
  return { kind: 'document', document: { context, text, givenEnds, givenThoughts } };
}

function textProblem(value: unknown, name: string): string | null {
  if (value === undefined) return `${name} is missing`;
  if (typeof value !== 'string') return `${name} is not a string`;
  if (value.trim() === '') return `${name} is empty`;
  return characterProblem(value, name);
}

function thoughtProblem(value: unknown, index: number): string | null {
  const name = `\`chunks[${index}].thought\``;
  if (value === undefined || value === null || value === '') return null;
  return typeof value === 'string' ? characterProblem(value, name) : `${name} is not a string`;
}

function characterProblem(value: string, name: string): string | null {
  if (!value.isWellFormed()) return `${name} has a lone surrogate`;
  // PostgreSQL has no text with this character.
  if (value.includes('\0')) return `${name} has a NUL character`;
  const marker = MARKERS.find((text) => value.includes(text));
  return marker === undefined ? null : `${name} holds the marker ${marker}`;
}
