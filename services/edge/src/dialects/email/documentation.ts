import { BATCH_BODY_LIMIT_BYTES } from '../../request/api.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { emailBatch, emailEvent } from './decode.ts';
import { emailBatchStored, emailError, emailStored } from './encode.ts';

const FAILURES: readonly DocumentedFailure[] = [
  { kind: 'missing_credential', description: 'The key is missing, unknown, or may not send events' },
  {
    kind: 'unavailable',
    retryAfterSeconds: 1,
    description: 'Events can not be stored at the moment; see `Retry-After`',
  },
];

/** What `/openapi.json` says of the single route. */
export const EMAIL_DOCUMENTATION: RouteDocumentation = {
  summary: 'Record an e-mail event',
  description:
    'The e-mail id is kept only as a hash, salted with the domain. An event with the hash and the time of an earlier one is a ' +
    'duplicate: `{"status":"success","message":"Duplicate event ignored"}`.',
  tag: 'E-mail',
  requestBody: { 'application/json': emailEvent },
  responses: {
    200: {
      description: 'Stored now or before',
      schema: emailStored,
      example: { status: 'success', type: 'email', event_id: 'abc123...' },
    },
  },
  errors: emailError,
  failures: [
    ...FAILURES,
    {
      kind: 'invalid',
      issues: [
        {
          code: 'too_small',
          extra: { minimum: 1, type: 'string', inclusive: true, exact: false },
          message: 'String must contain at least 1 character(s)',
          path: ['email_id'],
        },
      ],
      description: 'The event does not match the schema',
    },
  ],
};

/** What `/openapi.json` says of the batch route. */
export const EMAIL_BATCH_DOCUMENTATION: RouteDocumentation = {
  summary: 'Record up to 100 e-mail events',
  description:
    'One bad event fails the whole batch. A duplicate is an item with the duplicate message and the hash.',
  tag: 'E-mail',
  requestBody: { 'application/json': emailBatch },
  responses: {
    200: {
      description: 'Stored now or before; an item for each event, in order',
      schema: emailBatchStored,
      example: {
        status: 'success',
        batch: true,
        processed: 2,
        results: [
          { status: 'success', type: 'email', email_hash: 'abc123...' },
          { status: 'success', type: 'email', email_hash: 'def456...' },
        ],
      },
    },
  },
  errors: emailError,
  failures: [
    ...FAILURES,
    {
      kind: 'invalid',
      issues: [
        {
          code: 'too_big',
          extra: { maximum: 100, type: 'array', inclusive: true, exact: false },
          message: 'Array must contain at most 100 element(s)',
          path: [],
        },
      ],
      description: 'The batch does not match the schema',
    },
    { kind: 'too_large', limitBytes: BATCH_BODY_LIMIT_BYTES },
  ],
};
