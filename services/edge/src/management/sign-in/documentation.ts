import type { RouteDocumentation } from '../../server/route.ts';
import { codeRequest, codeVerification, keyRequest } from './schema.ts';

/** The media type of a JSON Web Key Set (RFC 7517). */
export const JWKS_TYPE = 'application/jwk-set+json';

const TAG = 'Sign-in';

const failed = (code: string, message: string) => ({ success: false, error: { code, message } });

const ERRORS = {
  413: {
    description: 'The request body is too large',
    example: failed('PAYLOAD_TOO_LARGE', 'The request body is larger than 1048576 bytes'),
  },
  415: {
    description: 'The request body is not JSON in UTF-8',
    example: failed('UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json'),
  },
  429: {
    description: 'Too many requests; see `Retry-After`',
    example: failed('RATE_LIMITED', 'Too many requests'),
  },
  500: {
    description: 'Internal server error',
    example: failed('INTERNAL_ERROR', 'Internal server error'),
  },
  503: {
    description: 'Not available now; see `Retry-After`',
    example: failed('SERVICE_UNAVAILABLE', 'Not available now, try again'),
  },
} satisfies RouteDocumentation['responses'];

const PERSON_ERRORS = {
  401: {
    description: 'Missing or invalid JWT',
    example: failed('UNAUTHORIZED', 'The JWT is invalid or expired'),
  },
  429: ERRORS[429],
  500: ERRORS[500],
  503: ERRORS[503],
} satisfies RouteDocumentation['responses'];

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
      example: { success: true, data: { message: 'Verification code sent to user@example.com' } },
    },
    400: {
      description: 'Invalid email format',
      example: failed('VALIDATION_ERROR', 'Invalid email format'),
    },
    ...ERRORS,
  },
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
    400: {
      description: 'Invalid code format',
      example: failed('VALIDATION_ERROR', 'Invalid code format: six digits'),
    },
    401: {
      description: 'Code mismatch or expired',
      example: failed('INVALID_CODE', 'The code is not the one that was sent, or expired'),
    },
    403: {
      description: 'The user is a member of no workspace any more',
      example: failed('FORBIDDEN', 'you are a member of no workspace'),
    },
    ...ERRORS,
  },
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
      example: {
        success: true,
        data: {
          apiKey: 'evp_lV4gXA78mzlEjhpRIoyRx-trBxKs0g701MeEvPcrvZY',
          message: 'API key generated successfully',
          id: 'uuid-here',
        },
      },
    },
    400: { description: 'No name', example: failed('VALIDATION_ERROR', 'name is required') },
    401: PERSON_ERRORS[401],
    403: {
      description: 'The session may not send events itself',
      example: failed('FORBIDDEN', 'The credential lacks the permission events:write'),
    },
    409: {
      description: 'The workspace has as many keys as it may',
      example: failed(
        'CONFLICT',
        'a workspace has at most 1000 active credentials: deactivate or delete one first',
      ),
    },
    ...ERRORS,
    500: {
      description: 'Failed to generate API key',
      example: failed('API_KEY_GENERATION_ERROR', 'Failed to generate API key'),
    },
  },
};

/** What `/openapi.json` says of the route that tells who is signed in. */
export const ME_DOCUMENTATION: RouteDocumentation = {
  summary: 'Get current authenticated user information',
  tag: TAG,
  responses: {
    200: {
      description: 'The user',
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
    ...PERSON_ERRORS,
  },
};

/** What `/openapi.json` says of the sign-out. */
export const SIGN_OUT_DOCUMENTATION: RouteDocumentation = {
  summary: 'Sign out everywhere',
  description: 'Ends every session of the user, on all devices. Keys work on.',
  tag: TAG,
  responses: { 204: { description: 'Done' }, ...PERSON_ERRORS },
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
      contentType: JWKS_TYPE,
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
    503: { description: 'Not available now; see `Retry-After`', contentType: 'application/problem+json' },
  },
};
