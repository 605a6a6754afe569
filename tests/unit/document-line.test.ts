import { describe, expect, test } from 'vitest';
import { MAX_CHUNKS, parseDocumentLine } from '../../activities/corpus/document-line.ts';

const parse = (line: string | Buffer, textField = 'text'): ReturnType<typeof parseDocumentLine> =>
  parseDocumentLine(Buffer.from(line as string), textField);

const json = (value: unknown): ReturnType<typeof parseDocumentLine> => parse(JSON.stringify(value));

describe('a good line', () => {
  test('is a text with or without context; other fields are ignored', () => {
    expect(json({ text: 'a\n b ', id: 7, meta: { text: 3 } })).toEqual({
      kind: 'document',
      document: { context: null, text: 'a\n b ', givenEnds: null, givenThoughts: null },
    });
    expect(json({ text: 'a', context: 'q' })).toMatchObject({ document: { context: 'q', text: 'a' } });
    expect(json({ text: 'a', context: '' })).toMatchObject({ document: { context: null } });
    expect(json({ text: 'a', context: null, chunks: null })).toMatchObject({ document: { context: null } });
  });

  test('may cut itself: the text is the chunks together, ends count UTF-16 units, no thought is the empty one', () => {
    const chunks = [{ text: 'a😀', thought: 'why' }, { text: ' b' }, { text: 'c', thought: null }];
    expect(json({ chunks })).toEqual({
      kind: 'document',
      document: { context: null, text: 'a😀 bc', givenEnds: [3, 5, 6], givenThoughts: ['why', '', ''] },
    });
    expect(json({ chunks, text: 'a😀 bc' }).kind).toBe('document');
  });

  test('may have its text in a field of another name', () => {
    expect(parse('{"body": "a", "text": 5}', 'body')).toMatchObject({ document: { text: 'a' } });
  });

  test('may end in a carriage return; only white space is no line', () => {
    expect(parse('{"text": "a"}\r')).toMatchObject({ document: { text: 'a' } });
    expect(parse(' \t\r')).toEqual({ kind: 'blank' });
    expect(parse('')).toEqual({ kind: 'blank' });
  });

  test('keeps every character that can be stored', () => {
    const text = '\u0001\t\v\u0085\u2028\uFFFD\uFEFF😀 e\u0301 \\N \\. {"a"}';
    expect(json({ text })).toMatchObject({ document: { text } });
  });
});

describe('a bad line has its reason', () => {
  test.each<[string, unknown, string]>([
    ['a list', ['a'], 'not a JSON object'],
    ['a string', 'text', 'not a JSON object'],
    ['null', null, 'not a JSON object'],
    ['no text', { context: 'q' }, '`text` is missing'],
    ['an empty text', { text: '' }, '`text` is empty'],
    ['a blank text', { text: ' \n\u00a0' }, '`text` is empty'],
    ['a number as text', { text: 5 }, '`text` is not a string'],
    ['null as text', { text: null }, '`text` is not a string'],
    ['a number as context', { text: 'a', context: 5 }, '`context` is not a string'],
    ['a NUL in the text', { text: 'a\0' }, '`text` has a NUL character'],
    ['a NUL in the context', { text: 'a', context: '\0' }, '`context` has a NUL character'],
    ['a marker in the text', { text: 'a <|END_OF_LATENT|>' }, '`text` holds the marker <|END_OF_LATENT|>'],
    ['a marker in the context', { text: 'a', context: '<|PRIOR_PREFIX|>' }, '`context` holds the marker'],
    ['chunks that are no list', { chunks: {} }, '`chunks` is not a list'],
    ['no chunks', { chunks: [] }, '`chunks` is empty'],
    ['too many chunks', { chunks: Array.from({ length: MAX_CHUNKS + 1 }, () => ({ text: 'a' })) }, 'more than 32767'],
    ['a chunk that is a string', { chunks: ['a'] }, '`chunks[0]` is not a JSON object'],
    ['a chunk without text', { chunks: [{ text: 'a' }, { thought: 'b' }] }, '`chunks[1].text` is missing'],
    ['an empty chunk', { chunks: [{ text: '' }] }, '`chunks[0].text` is empty'],
    ['a number as thought', { chunks: [{ text: 'a', thought: 1 }] }, '`chunks[0].thought` is not a string'],
    ['a NUL in a thought', { chunks: [{ text: 'a', thought: '\0' }] }, '`chunks[0].thought` has a NUL character'],
    [
      'a marker in a thought',
      { chunks: [{ text: 'a', thought: '<|POSTERIOR_PREFIX|>' }] },
      '`chunks[0].thought` holds the marker <|POSTERIOR_PREFIX|>',
    ],
    [
      'a marker over two chunks',
      { chunks: [{ text: '<|START_OF' }, { text: '_LATENT|>' }] },
      'the chunks together holds the marker',
    ],
    [
      'a text that is not its chunks',
      { text: 'ab', chunks: [{ text: 'a' }] },
      '`text` differs from the chunks together',
    ],
  ])('%s', (_, value, reason) => {
    const parsed = json(value);
    expect(parsed.kind).toBe('bad');
    expect((parsed as { reason: string }).reason).toContain(reason);
  });

  test.each<[string, string | Buffer, string]>([
    ['broken JSON', '{"text": "a"', 'invalid JSON'],
    ['two values', '{"text": "a"} {}', 'invalid JSON'],
    ['a lone high surrogate', '{"text": "a\\ud83d"}', '`text` has a lone surrogate'],
    ['a lone low surrogate in a context', '{"text": "a", "context": "\\udc00"}', '`context` has a lone surrogate'],
    [
      'a surrogate pair cut by chunks',
      '{"chunks": [{"text": "a\\ud83d"}, {"text": "\\ude00"}]}',
      '`chunks[0].text` has a lone surrogate',
    ],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"text": "a'), Buffer.from([0xff]), Buffer.from('"}')]),
      'invalid UTF-8',
    ],
    ['a character cut off', Buffer.from('{"text": "é"}', 'latin1'), 'invalid UTF-8'],
    ['UTF-16', Buffer.from('\uFEFF{"text": "a"}', 'utf16le'), 'invalid UTF-8'],
    [
      'a surrogate encoded as UTF-8',
      Buffer.concat([Buffer.from('{"text": "'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
      'invalid UTF-8',
    ],
  ])('%s', (_, line, reason) => {
    const parsed = parse(line);
    expect(parsed.kind).toBe('bad');
    expect((parsed as { reason: string }).reason).toContain(reason);
  });
});
