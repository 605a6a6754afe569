import { describe, expect, test } from 'vitest';
import { lastBoxed } from '../../activities/evaluation/boxed.ts';
import { gradeExact } from '../../activities/evaluation/graders/exact.ts';
import { GRADERS } from '../../activities/evaluation/graders/grader.ts';
import { canonicalNumber, gradeLastNumber } from '../../activities/evaluation/graders/last-number.ts';
import { mathEqual, mathNormalForm } from '../../activities/evaluation/graders/math-normal-form.ts';
import { gradeMathString, readMathAnswer } from '../../activities/evaluation/graders/math-string.ts';

describe('math answers are equal by the published rules', () => {
  // The cases of the dataset's own test, modeling/math_equivalence_test.py.
  test.each([
    ['\\tfrac{1}{2} + \\frac1{72}', '\\\\frac{1}{2} + 2/3', false],
    ['10, 4, -2', '4, 10, -2', false],
    ['10, 4, 2', '4, 12, 2', false],
    ['\\tfrac{1}{2} +\\! \\frac1{72}', '\\\\dfrac{1}{2} +\\frac{1}{72}', true],
    ['10\\text{ units}', '10 ', true],
    ['10\\text{ units}', '100 ', false],
    ['10', '\\$10', true],
    ['\\left(x-2\\right)\\left(x+2\\right)', '(x-2)(x+2)', true],
    ['0.1, 4, 2', '4, .1, 2', false],
    ['0.1', '.1', true],
    ['10\\%', '10', true],
    ['10\\sqrt{3} + \\sqrt4', '10\\sqrt3 + \\sqrt{4}', true],
    ['\\frac34i', '\\frac{3}{4}i', true],
    ['\\tfrac83', '\\frac{8}{3}', true],
    ['5x - 7y + 11z + 4 = 0', 'x + y - z + 2 = 0', false],
    ['1/2', '\\frac{1}{2}', true],
  ])('%s and %s: %s', (one, other, equal) => {
    expect(mathEqual(one, other)).toBe(equal);
    expect(mathEqual(other, one)).toBe(equal);
  });

  test.each([
    ['0.5', '\\frac{1}{2}', true],
    ['x = 5', '5', true],
    ['xy = 5', '5', false],
    ['90^\\circ', '90', true],
    ['90^{\\circ}', '90', true],
    ['{.5}', '{0.5}', true],
    ['(1,2)', '(1, 2)', true],
    ['03/4', '\\frac{3}{4}', false],
    ['-3/4', '\\frac{-3}{4}', true],
    ['2x+1', '1+2x', false],
    ['0.25', '1/4', false],
    ['1\n0', '10', true],
  ])('%s and %s: %s', (one, other, equal) => {
    expect(mathEqual(one, other)).toBe(equal);
  });

  test.each(['\\frac', '\\sqrt', 'a\\frac1{2}\\frac', '5\\text{ a}\\text{ b}'])(
    'the malformed %s is equal to itself alone',
    (malformed) => {
      expect(mathNormalForm(malformed)).toBeNull();
      expect(mathEqual(malformed, malformed)).toBe(true);
      expect(mathEqual(malformed, `${malformed} `)).toBe(false);
    },
  );

  test.each(['', '{', '}', '\\', '\\frac{', '\\frac1', '=', '\\text{ ', '\\sqrt{', '\\left', '\ud800', '$', '\0'])(
    'odd input %j has an answer, not an exception',
    (odd) => {
      expect(() => mathEqual(odd, '1')).not.toThrow();
    },
  );
});

describe('the last box', () => {
  test.each([
    ['\\boxed{5}', '5'],
    ['\\boxed{1} then \\boxed{2}', '2'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{\\{1,2\\}}', '\\{1,2\\}'],
    ['\\boxed{ 5 }', '5'],
    ['$\\boxed 7$', '7'],
    ['\\fbox{9}', '9'],
    ['\\boxed{}', ''],
    ['\\boxed{5', null],
    ['\\boxed{1} and \\boxed{2', null],
    ['\\boxedtext{5}', null],
    ['no box', null],
    ['\\boxed', null],
  ])('%j → %j', (text, content) => {
    expect(lastBoxed(text)).toBe(content);
  });
});

describe('the answer of a solution', () => {
  test.each([
    ['So it is \\boxed{3}. The answer is 4.', '3'],
    ['Final Answer: The final answer is $\\frac{1}{2}$. I hope it is correct.', '\\frac{1}{2}'],
    ['The answer is 5.', '5'],
    ['The answer is: \\(x+1\\), as said.', 'x+1'],
    ['the Answer is $$7$$', '7'],
    ['Final Answer: 12\nProblem: other', '12'],
    ['The answer is 1. No, the answer is 2.', '2'],
    ['\\boxed{1} or rather \\boxed{2. The answer is 3.', '3'],
    ['The answer is 3.5.', '3.5'],
    ['The answer is $5', '$5'],
    ['The answer is', null],
    ['The answer is .', null],
    ['It is 5.', null],
    ['', null],
  ])('%j → %j', (text, answer) => {
    expect(readMathAnswer(text)).toBe(answer);
  });

  test('is right, wrong, or could not be read', () => {
    expect(gradeMathString('\\boxed{0.5}', '\\frac12')).toEqual({ verdict: 'right', answer: '0.5' });
    expect(gradeMathString('\\boxed{0.6}', '\\frac12')).toEqual({ verdict: 'wrong', answer: '0.6' });
    expect(gradeMathString('I do not know', '\\frac12')).toEqual({ verdict: 'ungraded', answer: null });
  });
});

describe('the last number', () => {
  test.each([
    ['She has 3 apples and 4 pears.', '4'],
    ['#### 1,080', '1080'],
    ['It costs $1,234.50.', '1234.5'],
    ['The answer is 72.', '72'],
    ['-$5', '-5'],
    ['$-5', '-5'],
    ['x = −7', '-7'],
    ['5-3', '3'],
    ['10-12', '12'],
    ['(a)-2', '2'],
    ['1, 2', '2'],
    ['1,2', '2'],
    ['007', '7'],
    ['.50', '0.5'],
    ['-0.0', '0'],
    ['3.', '3'],
    ['1e5', '5'],
    ['12345678901234567890', '12345678901234567890'],
    ['none', null],
    ['...', null],
    ['', null],
  ])('of %j is %j', (text, number) => {
    expect(gradeLastNumber(text, '1').answer).toBe(number);
  });

  test('is compared by value', () => {
    expect(gradeLastNumber('so 1080.00', '1,080').verdict).toBe('right');
    expect(gradeLastNumber('so $1,080', '1080').verdict).toBe('right');
    expect(gradeLastNumber('so -1080', '1080').verdict).toBe('wrong');
    expect(gradeLastNumber('no idea', '1080').verdict).toBe('ungraded');
    // Beyond 2^53 two numbers that a float cannot tell apart stay two.
    expect(gradeLastNumber('9007199254740993', '9007199254740992').verdict).toBe('wrong');
    expect(canonicalNumber('12 apples')).toBeNull();
  });
});

test('exact compares all of the text but for white space', () => {
  expect(gradeExact(' It ends\n in 2 . ', 'It ends in 2 .').verdict).toBe('right');
  expect(gradeExact('It ends in 2 . It', 'It ends in 2 .').verdict).toBe('wrong');
  expect(gradeExact('it ends in 2 .', 'It ends in 2 .').verdict).toBe('wrong');
  expect(gradeExact(' \n\t', 'It ends in 2 .')).toEqual({ verdict: 'ungraded', answer: null });
});

describe.each(Object.entries(GRADERS))('%s is linear in a text of a megabyte', (_, grade) => {
  const LENGTH = 1_000_000;
  test.each([
    '\\boxed{',
    '{',
    '}',
    '\\frac',
    '\\frac1',
    '\\sqrt',
    '\\text{ ',
    '1',
    '0',
    '1,234',
    ',',
    '.',
    '-',
    '$',
    ' ',
    'answer is ',
    'Final Answer:',
    '1/',
    '\\',
    'a=',
    '0.0',
  ])('of %j only', (unit) => {
    const text = unit.repeat(LENGTH / unit.length);
    // Anything quadratic takes minutes here and runs into the test's time limit.
    for (const whole of [text, `The answer is ${text}x`, `\\boxed{${text}}`]) {
      expect(['right', 'wrong', 'ungraded']).toContain(grade(whole, '5').verdict);
      expect(['right', 'wrong', 'ungraded']).toContain(grade('5', whole).verdict);
    }
  });
});
