import { z } from 'zod';
import {
  FAILURE_STATUS,
  failureHeaders,
  failureMessage,
  fieldOf,
} from '../../request/problem/describe-failure.ts';
import { codeIn, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';
import { MAX_NAME_CHARS } from './decode.ts';

const ACCEPTED_MESSAGE = 'Event received and queued for processing';

const CODES = {
  invalid: 'validation_error',
  malformed_json: 'validation_error',
  missing_credential: 'unauthorized',
  invalid_credential: 'unauthorized',
  forbidden: 'forbidden',
  refused: 'forbidden',
  contradiction: 'conflict',
  conflict: 'conflict',
  not_found: 'not_found',
  method_not_allowed: 'method_not_allowed',
  request_timeout: 'request_timeout',
  too_large: 'payload_too_large',
  unsupported_media_type: 'unsupported_media_type',
  rate_limited: 'rate_limited',
  internal: 'internal_error',
  unavailable: 'unavailable',
} as const satisfies Record<Failure['kind'], string>;

/** The body of a success. */
export const workflowAccepted = z
  .strictObject({
    success: z.literal(true),
    message: z.literal(ACCEPTED_MESSAGE),
    event_id: z.string(),
    data: z.strictObject({ event_id: z.string(), message: z.literal(ACCEPTED_MESSAGE) }),
  })
  .meta({ id: 'WorkflowAccepted' });

/** The body of an error. */
export const workflowError = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({
      code: codeIn(CODES),
      message: z.string(),
      details: z.strictObject({ field: z.string(), issue: z.string() }).optional(),
    }),
  })
  .meta({ id: 'WorkflowError' });

/**
 * The answer to an event that is stored: the documented body, and the same again under `data`, where the document's own
 * clients look for it.
 */
export function encodeAccepted(eventId: string): Reply {
  const message = ACCEPTED_MESSAGE;
  const data = { event_id: eventId, message } as const;
  return jsonReply(workflowAccepted, 202, { success: true, message, event_id: eventId, data });
}

/** A failure as `{"success":false,"error":{"code","message","details"?}}`. */
export function encodeWorkflowFailure(failure: Failure): Reply {
  const error = { code: CODES[failure.kind], message: messageOf(failure), ...detailsOf(failure) };
  const body = { success: false, error } as const;
  return jsonReply(workflowError, FAILURE_STATUS[failure.kind], body, failureHeaders(failure));
}

function messageOf(failure: Failure): string {
  switch (failure.kind) {
    case 'invalid':
    case 'malformed_json':
      return 'Invalid event format';
    case 'missing_credential':
      return 'Authorization header with a Bearer token is required';
    case 'invalid_credential':
      return 'Invalid or expired token';
    case 'forbidden':
      return `Insufficient permissions: ${failure.permission} is required`;
    case 'conflict':
      return 'Another event was accepted before under this Idempotency-Key';
    case 'unavailable':
      return 'Service temporarily unavailable';
    default:
      return failureMessage(failure) ?? 'Request failed';
  }
}

function detailsOf(failure: Failure): { details?: { field: string; issue: string } } {
  switch (failure.kind) {
    case 'invalid': {
      const [issue] = failure.issues;
      return { details: { field: fieldOf(issue.path) || 'body', issue: wordsOf(issue) } };
    }
    case 'malformed_json':
      return { details: { field: 'body', issue: failure.message } };
    default:
      return {};
  }
}

/** The document's words for a missing field; the original takes an empty name for a missing one. */
function wordsOf(issue: Issue): string {
  const received = issue.extra?.['received'];
  if (received === 'undefined' || issue.code === 'too_small') return 'field is required';
  if (issue.path[0] === 'name' && received === 'null') return 'field is required';
  if (issue.code === 'too_big') return `must have at most ${MAX_NAME_CHARS} characters`;
  if (issue.code === 'invalid_type') return `must be ${article(issue.extra?.['expected'])}`;
  return issue.message;
}

function article(expected: unknown): string {
  return expected === 'object' ? 'an object' : `a ${String(expected)}`;
}
