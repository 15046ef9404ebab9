import type { RouteDocumentation } from '../../server/route.ts';
import { graphqlRefusal, graphqlResult } from './encode.ts';
import { GRAPHQL_BODY_LIMIT_BYTES, graphqlRequest } from './request.ts';

/** The media type of an answer whose status tells of errors in the document. */
export const RESPONSE_TYPE = 'application/graphql-response+json';

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
      schema: graphqlResult,
      contentTypes: ['application/json', RESPONSE_TYPE],
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
      description:
        'The body is no GraphQL request, or says not which operation is meant; or, as the newer type, its document is wrong',
      schema: graphqlResult,
      contentTypes: ['application/json', RESPONSE_TYPE],
    },
  },
  errors: graphqlRefusal,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'invalid_type', path: ['query'], message: 'Required' }],
    },
    {
      kind: 'invalid_credential',
      description: 'No JWT, or one that has expired; keys and tokens are not enough',
    },
    {
      kind: 'forbidden',
      permission: 'events:write',
      description: 'The role in this workspace lacks `events:write`',
    },
    {
      kind: 'too_large',
      limitBytes: GRAPHQL_BODY_LIMIT_BYTES,
      description: 'The body is larger than 64 KiB',
    },
    {
      kind: 'unsupported_media_type',
      message: 'Content-Type must be application/json',
      description: 'The body is not declared to be `application/json`',
    },
    {
      kind: 'unavailable',
      retryAfterSeconds: 1,
      description: 'It is not known whether anything was changed: list the tokens and try again',
    },
  ],
};
