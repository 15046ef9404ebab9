import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';
import { jsonReply } from '../response.ts';
import { describeFailure, FAILURE_STATUS, fieldOf } from './describe-failure.ts';

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

// Object.keys forgets the names that the table has.
const KINDS = Object.keys(FAILURE_STATUS) as Failure['kind'][];

const members = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string().describe('What the status means'),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What is wrong, in words'),
  // Of a request that isn't HTTP there is no failure of a route.
  code: z.enum([...KINDS, 'malformed_request']),
});

/** What an RFC 9457 problem has here. */
export const problem = members
  .extend({
    errors: z
      .array(z.strictObject({ field: z.string(), code: z.string(), detail: z.string() }))
      .optional()
      .describe('Where the request is wrong'),
  })
  .meta({ id: 'Problem', description: 'A problem of RFC 9457' });

/** A problem with further members of a route's own. */
export function problemWith<Shape extends z.core.$ZodLooseShape>(id: string, shape: Shape) {
  return members.extend(shape).meta({ id });
}

/**
 * A failure as RFC 9457 problem details: `{type, title, status, detail, code}`, and `errors: [{field, code, detail}]`
 * where the request itself is wrong. Nothing of a cause is shown.
 */
export function encodeProblem(failure: Failure): Reply {
  const { status, detail, headers } = describeFailure(failure);
  const errors = failure.kind === 'invalid' ? { errors: failure.issues.map(toError) } : {};
  return jsonReply(problem, status, { ...problemOf(status, failure.kind, detail), ...errors }, [
    'content-type',
    PROBLEM_TYPE,
    ...headers,
  ]);
}

/** The members that every problem has. */
export function problemOf(status: number, code: Failure['kind'], detail: string): z.output<typeof members> {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

function toError(issue: Issue): { field: string; code: string; detail: string } {
  return { field: fieldOf(issue.path), code: issue.code, detail: issue.message };
}
