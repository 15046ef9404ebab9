import type { RouteDocumentation } from '../../server/route.ts';
import { emailBatch, emailEvent } from './decode.ts';

const failed = (message: string) => ({ status: 'error', message });

const ERRORS = {
  401: {
    description: 'The key is missing, unknown, or may not send events',
    example: failed('Invalid or missing API key'),
  },
  413: {
    description: 'The request body is too large',
    example: failed('The request body is larger than 1048576 bytes'),
  },
  415: {
    description: 'The request body is not JSON in UTF-8',
    example: failed('Content-Type must be application/json'),
  },
  429: { description: 'Too many requests; see `Retry-After`', example: failed('Too many requests') },
  500: { description: 'Internal server error', example: failed('Internal server error') },
  503: {
    description: 'Events can not be stored at the moment; see `Retry-After`',
    example: failed('Events can not be stored at the moment'),
  },
} satisfies RouteDocumentation['responses'];

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
      example: { status: 'success', type: 'email', event_id: 'abc123...' },
    },
    400: {
      description: 'The event does not match the schema',
      example: {
        status: 'error',
        message: 'Invalid email event schema',
        errors: [
          {
            code: 'too_small',
            minimum: 1,
            type: 'string',
            inclusive: true,
            exact: false,
            message: 'String must contain at least 1 character(s)',
            path: ['email_id'],
          },
        ],
      },
    },
    ...ERRORS,
  },
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
    400: {
      description: 'The batch does not match the schema',
      example: {
        status: 'error',
        message: 'Invalid batch email event schema',
        errors: [
          {
            code: 'too_big',
            maximum: 100,
            type: 'array',
            inclusive: true,
            exact: false,
            message: 'Array must contain at most 100 element(s)',
            path: [],
          },
        ],
      },
    },
    ...ERRORS,
  },
};
