import type { RouteDocumentation } from '../../server/route.ts';
import { encodeGraphqlFailure } from './encode.ts';
import { graphqlRequest } from './request.ts';

/** What `/openapi.json` says of `/graphql`. */
export const GRAPHQL_DOCUMENTATION: RouteDocumentation = {
  summary: 'Create, list and revoke external-event tokens (GraphQL)',
  description: [
    'The caller is a person, with the JWT of `/api/auth/verify`, and acts in the workspace of that session.',
    '`createExternalEventToken(name: String, expiresAt: DateTime) { id token expiresAt }` shows the token once; it works for a year unless told otherwise.',
    '`revokeExternalEventToken(id: ID!)` stops one.',
    '`externalEventTokens { id name prefix lastFour createdAt expiresAt lastUsedAt isActive }` lists them.',
    'A document may have 1000 tokens of text, 6 levels, 15 aliases, 10 directives and a cost of 100. The schema can be asked for in development only.',
  ].join('\n\n'),
  tag: 'External events',
  requestBody: { 'application/json': graphqlRequest },
  responses: {
    200: {
      description:
        'Executed, or refused with `errors`: as the GraphQL-over-HTTP specification has it for `application/json`',
      example: {
        data: {
          createExternalEventToken: {
            token: '5f2b8f7f0e2a4d0c9a1e6b3d7c8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f',
            expiresAt: '2026-01-30T12:34:56.789Z',
          },
        },
      },
    },
    400: {
      description: 'The body is no GraphQL request',
      example: {
        errors: [{ message: 'query: Required', extensions: { code: 'BAD_USER_INPUT' } }],
      },
    },
    401: {
      description: 'No JWT, or one that has expired; keys and tokens are not enough',
      example: encodedExample('invalid_credential'),
    },
    403: {
      description: 'The role in this workspace lacks `events:write`',
      example: {
        errors: [
          {
            message: 'The credential lacks the permission events:write',
            extensions: { code: 'FORBIDDEN' },
          },
        ],
      },
    },
    413: { description: 'The body is larger than 64 KiB' },
    415: { description: 'The body is not declared to be `application/json`' },
    503: {
      description: 'It is not known whether anything was changed: list the tokens and try again',
      example: encodedExample('unavailable'),
    },
  },
};

function encodedExample(kind: 'invalid_credential' | 'unavailable'): unknown {
  const failure = kind === 'unavailable' ? ({ kind, retryAfterSeconds: 1 } as const) : { kind };
  return JSON.parse(encodeGraphqlFailure(failure).body);
}
