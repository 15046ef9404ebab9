import type { z } from 'zod';
import { type Issue, RequestFailure } from '../server/failure.ts';

type ZodIssue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Issues that an answer lists at most: a body of a few megabytes could have millions. */
export const MAX_ISSUES = 100;
/** What of an unknown field's name an answer repeats: a name may be as long as a body. */
const MAX_NAME_CHARS = 100;

/** The failure of a body with these issues, of which there is at least one. */
export function invalid(issues: readonly Issue[]): RequestFailure {
  const [first = { code: 'custom', path: [], message: 'Invalid input' }, ...rest] = issues.slice(
    0,
    MAX_ISSUES,
  );
  return new RequestFailure({ kind: 'invalid', issues: [first, ...rest] });
}

/** The issue of a value that isn't of the expected JSON type. */
export function wrongType(expected: string, value: unknown, path: Issue['path']): Issue {
  return { ...typeIssue(expected, value), path };
}

/**
 * A zod error as issues in the words and shapes of zod 3, which clients of the published APIs know; `input` is the value that
 * was parsed, and `prefix` the place of that value in the body.
 */
export function toIssues(
  error: z.ZodError,
  input: unknown,
  prefix: readonly (string | number)[] = [],
): Issue[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? unknownFields(issue, prefix) : toIssue(issue, input, prefix),
  );
}

/** An issue for each unknown field, so that an answer names it where other issues name theirs. */
function unknownFields(
  issue: z.core.$ZodIssueUnrecognizedKeys,
  prefix: readonly (string | number)[],
): Issue[] {
  const parent = [...prefix, ...issue.path.map(toPathPart)];
  return issue.keys.slice(0, MAX_ISSUES).map((key) => ({
    code: issue.code,
    path: [...parent, key.slice(0, MAX_NAME_CHARS)],
    message: 'Unknown field',
  }));
}

function toPathPart(key: PropertyKey): string | number {
  return typeof key === 'symbol' ? String(key) : key;
}

function toIssue(issue: ZodIssue, input: unknown, prefix: readonly (string | number)[]): Issue {
  const path = [...prefix, ...issue.path.map(toPathPart)];
  switch (issue.code) {
    case 'invalid_type':
      return { ...typeIssue(issue.expected, valueAt(input, issue.path)), path };
    case 'too_small': {
      const { origin, inclusive = true, exact = false } = issue;
      const minimum = Number(issue.minimum);
      const type = sizeType(origin);
      const bound = exact ? 'exactly' : inclusive ? LOWER_BOUND[type] : STRICT_LOWER_BOUND[type];
      const message = sizeMessage(type, exact && type === 'number' ? 'exactly equal to' : bound, minimum);
      return { code: 'too_small', extra: { minimum, type, inclusive, exact }, message, path };
    }
    case 'too_big': {
      const { origin, inclusive = true, exact = false } = issue;
      const maximum = Number(issue.maximum);
      const type = sizeType(origin);
      const bound = exact ? 'exactly' : inclusive ? UPPER_BOUND[type] : STRICT_UPPER_BOUND[type];
      return {
        code: 'too_big',
        extra: { maximum, type, inclusive, exact },
        message: sizeMessage(type, bound, maximum),
        path,
      };
    }
    case 'invalid_format': {
      const message = issue.message.startsWith('Invalid string') ? 'Invalid' : issue.message;
      return { code: 'invalid_string', extra: { validation: issue.format }, message, path };
    }
    default:
      return { code: issue.code ?? 'custom', message: issue.message, path };
  }
}

/** The issue of a value that has the wrong type, as zod 3 words it. */
function typeIssue(expectedNow: string, value: unknown): Omit<Issue, 'path'> {
  const expected = expectedNow === 'int' ? 'integer' : expectedNow === 'record' ? 'object' : expectedNow;
  const isFraction = expected === 'integer' && typeof value === 'number' && !Number.isNaN(value);
  // Zod 3 first asks for a number, and only of a number that it be an integer.
  const asked = expected === 'integer' && !isFraction ? 'number' : expected;
  const received = isFraction ? 'float' : typeName(value);
  const message = received === 'undefined' ? 'Required' : `Expected ${asked}, received ${received}`;
  return { code: 'invalid_type', extra: { expected: asked, received }, message };
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isNaN(value) ? 'nan' : typeof value;
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    // What JSON.parse made has members by name and by index alike.
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return value;
}

type SizeType = 'string' | 'array' | 'number';

const LOWER_BOUND = { string: 'at least', array: 'at least', number: 'greater than or equal to' } as const;
const STRICT_LOWER_BOUND = { string: 'over', array: 'more than', number: 'greater than' } as const;
const UPPER_BOUND = { string: 'at most', array: 'at most', number: 'less than or equal to' } as const;
const STRICT_UPPER_BOUND = { string: 'under', array: 'less than', number: 'less than' } as const;

function sizeType(origin: string): SizeType {
  return origin === 'string' || origin === 'array' ? origin : 'number';
}

function sizeMessage(type: SizeType, bound: string, limit: number): string {
  switch (type) {
    case 'string':
      return `String must contain ${bound} ${limit} character(s)`;
    case 'array':
      return `Array must contain ${bound} ${limit} element(s)`;
    case 'number':
      return `Number must be ${bound} ${limit}`;
  }
}
