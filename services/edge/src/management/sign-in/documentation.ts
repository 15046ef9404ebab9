import { z } from 'zod';
import { problem } from '../../request/problem/encode-problem.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { codeSent, currentUser, generatedKey, session, signInError } from './encode.ts';
import { codeRequest, codeVerification, keyRequest } from './schema.ts';

/** The media type of a JSON Web Key Set (RFC 7517). */
export const JWKS_TYPE = 'application/jwk-set+json';

const TAG = 'Sign-in';

const keySet = z
  .strictObject({
    keys: z.array(
      z.strictObject({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string(),
        kid: z.string(),
        alg: z.literal('EdDSA'),
        use: z.literal('sig'),
      }),
    ),
  })
  .meta({ id: 'KeySet' });

const NO_SESSION: DocumentedFailure = { kind: 'invalid_credential', description: 'Missing or invalid JWT' };

/** What `/openapi.json` says of the route that sends a code. */
export const REQUEST_CODE_DOCUMENTATION: RouteDocumentation = {
  summary: 'Request a 6-digit verification code for email authentication',
  description:
    'The answer is the same whether or not the address is known. A code is good for 10 minutes and 5 tries, once; a new one ' +
    'replaces it. An address gets at most 3 codes in 15 minutes.',
  tag: TAG,
  requestBody: { 'application/json': codeRequest },
  responses: {
    200: {
      description: 'The code was sent',
      schema: codeSent,
      example: { success: true, data: { message: 'Verification code sent to user@example.com' } },
    },
  },
  errors: signInError,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'invalid_string', path: ['email'], message: 'Invalid email format' }],
      description: 'Invalid email format',
    },
  ],
};

/** What `/openapi.json` says of the route that takes a code. */
export const VERIFY_DOCUMENTATION: RouteDocumentation = {
  summary: 'Verify the 6-digit code and receive a JWT token',
  description: 'The first time makes the user and a workspace of their own, in which the session acts.',
  tag: TAG,
  requestBody: { 'application/json': codeVerification },
  responses: {
    200: {
      description: 'The session; `expiresAt` says how long it lasts',
      schema: session,
      example: {
        success: true,
        data: {
          token: 'eyJhbGciOiJFZERTQSIsImtpZCI6Ij...',
          user: { id: 'uuid-here', email: 'user@example.com', role: 'USER' },
          expiresAt: '2024-01-30T13:34:56.000Z',
          workspaceId: 'uuid-here',
        },
      },
    },
  },
  errors: signInError,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'invalid_string', path: ['code'], message: 'Invalid code format: six digits' }],
      description: 'Invalid code format',
    },
    { kind: 'invalid_credential', description: 'Code mismatch or expired' },
    {
      kind: 'refused',
      message: 'you are a member of no workspace',
      description: 'The user is a member of no workspace any more',
    },
  ],
};

/** What `/openapi.json` says of the route that makes a key. */
export const KEY_DOCUMENTATION: RouteDocumentation = {
  summary: 'Generate a new API key for event ingestion',
  description:
    "The key acts in the session's workspace, with `events:write`, and with `events:read` and `analytics:read` as far as the " +
    'session has them. It is shown this once.',
  tag: TAG,
  requestBody: { 'application/json': keyRequest },
  responses: {
    200: {
      description: 'The key; `id` is its name at `/api-keys`',
      schema: generatedKey,
      example: {
        success: true,
        data: {
          apiKey: 'evp_lV4gXA78mzlEjhpRIoyRx-trBxKs0g701MeEvPcrvZY',
          message: 'API key generated successfully',
          id: 'uuid-here',
        },
      },
    },
  },
  errors: signInError,
  failures: [
    NO_SESSION,
    {
      kind: 'invalid',
      issues: [{ code: 'invalid_type', path: ['name'], message: 'Required' }],
      description: 'No name',
    },
    {
      kind: 'forbidden',
      permission: 'events:write',
      description: 'The session may not send events itself',
    },
    {
      kind: 'contradiction',
      message: 'a workspace has at most 1000 active credentials: deactivate or delete one first',
      description: 'The workspace has as many keys as it may',
    },
    { kind: 'internal', description: 'Failed to generate API key' },
  ],
};

/** What `/openapi.json` says of the route that tells who is signed in. */
export const ME_DOCUMENTATION: RouteDocumentation = {
  summary: 'Get current authenticated user information',
  tag: TAG,
  responses: {
    200: {
      description: 'The user',
      schema: currentUser,
      example: {
        success: true,
        data: {
          id: 'uuid-here',
          email: 'user@example.com',
          role: 'USER',
          createdAt: '2024-01-30T10:00:00.000Z',
        },
      },
    },
  },
  errors: signInError,
  failures: [NO_SESSION],
};

/** What `/openapi.json` says of the sign-out. */
export const SIGN_OUT_DOCUMENTATION: RouteDocumentation = {
  summary: 'Sign out everywhere',
  description: 'Ends every session of the user, on all devices. Keys work on.',
  tag: TAG,
  responses: { 204: { description: 'Done' } },
  errors: signInError,
  failures: [NO_SESSION],
};

/** What `/openapi.json` says of the public keys. */
export const JWKS_DOCUMENTATION: RouteDocumentation = {
  summary: 'The public keys of the sessions',
  description:
    'A JSON Web Key Set (RFC 7517) of Ed25519 keys, by whose `kid` a session names the one that signed it.',
  tag: TAG,
  responses: {
    200: {
      description: 'The keys',
      schema: keySet,
      contentTypes: [JWKS_TYPE],
      example: {
        keys: [
          {
            kty: 'OKP',
            crv: 'Ed25519',
            x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
            kid: '1',
            alg: 'EdDSA',
            use: 'sig',
          },
        ],
      },
    },
  },
  errors: problem,
  failures: [{ kind: 'unavailable', retryAfterSeconds: 1 }, { kind: 'internal' }],
};
