import { z } from 'zod';
import { FAILURE_STATUS, failureHeaders, failureMessage } from '../../request/problem/describe-failure.ts';
import { jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure, Issue } from '../../server/failure.ts';

const DUPLICATE_MESSAGE = 'Duplicate event ignored';

/** The body of a success on the single route. */
export const emailStored = z
  .union([
    z.strictObject({ status: z.literal('success'), type: z.literal('email'), event_id: z.string() }),
    z.strictObject({ status: z.literal('success'), message: z.literal(DUPLICATE_MESSAGE) }),
  ])
  .meta({ id: 'EmailStored' });

/** The body of a success on the batch route. */
export const emailBatchStored = z
  .strictObject({
    status: z.literal('success'),
    batch: z.literal(true),
    processed: z.int().min(0),
    results: z.array(
      z.union([
        z.strictObject({ status: z.literal('success'), type: z.literal('email'), email_hash: z.string() }),
        z.strictObject({
          status: z.literal('success'),
          message: z.literal(DUPLICATE_MESSAGE),
          email_hash: z.string(),
        }),
      ]),
    ),
  })
  .meta({ id: 'EmailBatchStored' });

/** An issue as zod 3 wrote it; what else it has depends on its code. */
const emailIssue = z.looseObject({
  code: z.string(),
  message: z.string(),
  path: z.array(z.union([z.string(), z.int()])),
});

/** The body of an error. */
export const emailError = z
  .strictObject({ status: z.literal('error'), message: z.string(), errors: z.array(emailIssue).optional() })
  .meta({ id: 'EmailError' });

/** Which of the two routes an answer is for. */
export type EmailRoute = 'single' | 'batch';

/** An event that is stored, and whether it was before. */
export interface StoredEmail {
  readonly emailHash: string;
  readonly isNew: boolean;
}

/** The answer to a single event. */
export function encodeEmail({ emailHash, isNew }: StoredEmail): Reply {
  return jsonReply(
    emailStored,
    200,
    isNew
      ? { status: 'success', type: 'email', event_id: emailHash }
      : { status: 'success', message: DUPLICATE_MESSAGE },
  );
}

/** The answer to a batch: an item for each event, in order. */
export function encodeEmailBatch(stored: readonly StoredEmail[]): Reply {
  const results = stored.map(({ emailHash, isNew }) =>
    isNew
      ? ({ status: 'success', type: 'email', email_hash: emailHash } as const)
      : ({ status: 'success', message: DUPLICATE_MESSAGE, email_hash: emailHash } as const),
  );
  return jsonReply(emailBatchStored, 200, {
    status: 'success',
    batch: true,
    processed: results.length,
    results,
  });
}

/** A failure as `{"status":"error","message","errors"?}`. */
export function encodeEmailFailure(failure: Failure, route: EmailRoute): Reply {
  if (failure.kind === 'conflict') return encodeEmail({ emailHash: failure.eventId, isNew: false });
  const body = { status: 'error', message: messageOf(failure, route), ...errorsOf(failure) } as const;
  return jsonReply(emailError, statusOf(failure), body, failureHeaders(failure));
}

/** A key that may not send events is no key for this API, whose document knows no 403. */
function statusOf(failure: Failure): number {
  return failure.kind === 'forbidden' ? 401 : FAILURE_STATUS[failure.kind];
}

function messageOf(failure: Failure, route: EmailRoute): string {
  switch (failure.kind) {
    case 'invalid':
    case 'malformed_json':
      return route === 'batch' ? 'Invalid batch email event schema' : 'Invalid email event schema';
    case 'missing_credential':
    case 'invalid_credential':
    case 'forbidden':
      return 'Invalid or missing API key';
    case 'unavailable':
      return 'Events can not be stored at the moment';
    default:
      return failureMessage(failure) ?? 'Request failed';
  }
}

function errorsOf(failure: Failure): Pick<z.output<typeof emailError>, 'errors'> {
  switch (failure.kind) {
    case 'invalid':
      return { errors: failure.issues.map(toError) };
    case 'malformed_json':
      return { errors: [{ code: 'custom', message: failure.message, path: [] }] };
    default:
      return {};
  }
}

/** An issue as zod 3 wrote it; the order of its members is the documented one. */
function toError({ code, extra, message, path: place }: Issue): z.output<typeof emailIssue> {
  const path = [...place];
  return code === 'invalid_type' ? { code, ...extra, path, message } : { code, ...extra, message, path };
}
