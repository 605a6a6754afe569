import type { z } from 'zod';
import { asWritten, fileName, filePath } from './names.ts';
import { nearestName } from './nearest-name.ts';
import type { RecipeProblem } from './problems.ts';
import { REFUSED_KEYS } from './refused-keys.ts';
import { knownKeys } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** What the schema has against a file, in the file's own names. */
export function schemaProblems(issues: readonly Issue[]): RecipeProblem[] {
  return issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? unknownKeys(issue) : [wrongValue(issue)]));
}

function unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys): RecipeProblem[] {
  const table = plainPath(issue.path);
  const known = knownKeys(issue.path).map((key) => fileName(key, String(table.at(-1))));
  return issue.keys.map((unknown) => {
    const key = asWritten(unknown, String(table.at(-1)));
    // An unknown name is shown as it was written, not as a key of ours would be.
    const path = [...(table.length === 0 ? [] : [filePath(table)]), key].join('.');
    const reason = Object.hasOwn(REFUSED_KEYS, unknown) ? REFUSED_KEYS[unknown] : undefined;
    if (reason !== undefined) return { path, message: `\`${path}\` cannot be set: ${reason}` };
    const nearest = nearestName(key, known);
    const advice = nearest === undefined ? `known here are ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
    return { path, message: `Unknown key \`${path}\`: ${advice}` };
  });
}

function wrongValue(issue: Issue): RecipeProblem {
  const path = filePath(plainPath(issue.path));
  if (issue.code === 'invalid_type' && issue.input === undefined) {
    const keys = knownKeys(issue.path).map((key) => fileName(key, String(issue.path.at(-1))));
    return {
      path,
      message:
        issue.expected === 'object'
          ? `Expected a table [${path}], found none: add it, with keys of ${keys.join(', ')}`
          : `Expected \`${path}\` (${issue.expected}), found nothing: add it`,
    };
  }
  return { path, message: `Expected \`${path}\` to be ${expectation(issue)}, ${found(issue)}` };
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int'
        ? 'an integer'
        : issue.expected === 'object'
          ? 'a table'
          : `of type ${issue.expected}`;
    case 'too_small':
      return issue.origin === 'string' ? 'not empty' : `${issue.inclusive === true ? '≥' : '>'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive === true ? '≤' : '<'} ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_union':
      return `one of ${variants(issue)}`;
    default:
      return issue.message.replace(/^expected /, '');
  }
}

/** The kinds that a discriminated union knows; the schema has no other unions. */
function variants(issue: z.core.$ZodIssueInvalidUnion): string {
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
  return options.map((value) => JSON.stringify(value)).join(', ');
}

/** The offender: of a table whose kind is unknown, the kind. */
function offender(issue: Issue): unknown {
  const key = issue.path.at(-1);
  return issue.code === 'invalid_union' && typeof issue.input === 'object' && issue.input !== null && key !== undefined
    ? (issue.input as Record<PropertyKey, unknown>)[key]
    : issue.input;
}

function found(issue: Issue): string {
  const value = offender(issue);
  if (value === undefined) return 'found nothing';
  // JSON has no NaN and no infinity.
  return `got \`${typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value)}\``;
}

const plainPath = (path: readonly PropertyKey[]): (string | number)[] =>
  path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
