import { describe, expect, test } from 'vitest';
import { punktSpans } from '../../activities/segmentation/punkt.ts';

function sentences(text: string): string[] {
  return punktSpans(text).map(({ start, end }) => text.slice(start, end));
}

describe('untrained Punkt', () => {
  test.each<[rule: string, text: string, expected: string[]]>([
    [
      'a period, question mark or exclamation mark before a word ends a sentence',
      'One. Two? Three! Four',
      ['One.', 'Two?', 'Three!', 'Four'],
    ],
    [
      'an initial before an upper-case word does not end one',
      'J. Bach wrote. He died.',
      ['J. Bach wrote.', 'He died.'],
    ],
    ['an initial before a number ends one', 'Plan B. 7 steps.', ['Plan B.', '7 steps.']],
    ['an initial outside the Basic Multilingual Plane is one', '𝐀. Then b.', ['𝐀. Then b.']],
    [
      'a number before a lower-case word does not end one',
      'It is 5. so there. It is 5. So there.',
      ['It is 5. so there.', 'It is 5.', 'So there.'],
    ],
    [
      'digits of any script make a number',
      'It is ٣. so there. It is 𝟛. so there.',
      ['It is ٣. so there.', 'It is 𝟛. so there.'],
    ],
    ['abbreviations are not known', 'Dr. Who came.', ['Dr.', 'Who came.']],
    ['an ellipsis does not end one', 'Well... Then. Go', ['Well... Then.', 'Go']],
    ['a run of marks ends one once', 'Very bad acting!!! I promise.', ['Very bad acting!!!', 'I promise.']],
    [
      'closing quotes and brackets stay with their sentence',
      '(How does it deal with this?) It does. “So.” «No.» Yes',
      ['(How does it deal with this?)', 'It does.', '“So.”', '«No.»', 'Yes'],
    ],
    [
      'closing marks before two hyphens stay with their sentence',
      'He said "no."-- and left. Then',
      ['He said "no."', '-- and left.', 'Then'],
    ],
    [
      'of two marks without ASCII whitespace between them only the last may end one',
      'One.\u00a0Two.\u2003Three',
      ['One.\u00a0Two.', 'Three'],
    ],
    ['a zero-width no-break space is no whitespace', 'One.\ufeffTwo. Three', ['One.\ufeffTwo.', 'Three']],
    ['the information separators are whitespace', 'One.\u001cTwo', ['One.', 'Two']],
    ['dots on two lines are no ellipsis', ' x. .\n. y', [' x. .', '.', 'y']],
    ['leading whitespace belongs to the first sentence, trailing whitespace to none', '  One. \n', ['  One.']],
    ['whitespace only is no sentence', ' \n\t\u2003', []],
    ['the empty text is no sentence', '', []],
  ])('%s', (_rule, text, expected) => {
    expect(sentences(text)).toEqual(expected);
  });
});
