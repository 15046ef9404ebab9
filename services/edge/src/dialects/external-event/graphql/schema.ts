import type { GraphQLSchema } from 'graphql';
import { createSchema } from 'graphql-yoga';
import { dateTime } from './date-time.ts';
import type { createTokens, TokenCaller, TokenWish } from './tokens.ts';

const typeDefs = /* GraphQL */ `
  scalar DateTime

  type Query {
    "The caller's tokens, newest first and at most 1000; the workspace's for whoever may manage its keys."
    externalEventTokens: [ExternalEventToken!]!
  }

  type Mutation {
    "Issues a token for the caller's workspace. It works for a year unless told otherwise."
    createExternalEventToken(name: String, expiresAt: DateTime): CreatedExternalEventToken!
    "Stops a token from working. It stays listed."
    revokeExternalEventToken(id: ID!): Boolean!
  }

  type CreatedExternalEventToken {
    id: ID!
    "The token itself, 64 hex digits. It is shown here once and never again."
    token: String!
    expiresAt: DateTime
  }

  type ExternalEventToken {
    id: ID!
    name: String!
    "The first characters of the token."
    prefix: String!
    "The last four characters of the token."
    lastFour: String!
    createdAt: DateTime
    expiresAt: DateTime
    "To the minute."
    lastUsedAt: DateTime
    "Whether it works now: neither revoked nor expired."
    isActive: Boolean!
  }
`;

/** What each field costs; a field that asks auth for much costs more. Others cost 1. */
export const FIELD_COSTS: ReadonlyMap<string, number> = new Map([
  ['externalEventTokens', 20],
  ['createExternalEventToken', 10],
  ['revokeExternalEventToken', 10],
]);

/** The schema of `/graphql`; resolvers find their caller in the context. */
export function createTokenSchema(tokens: ReturnType<typeof createTokens>): GraphQLSchema {
  return createSchema<TokenCaller>({
    typeDefs,
    resolvers: {
      DateTime: dateTime,
      Query: { externalEventTokens: (_root, _args, caller) => tokens.list(caller) },
      Mutation: {
        createExternalEventToken: (_root, wish: TokenWish, caller) => tokens.create(caller, wish),
        revokeExternalEventToken: async (_root, { id }: { id: string }, caller) => {
          await tokens.revoke(caller, id);
          return true;
        },
      },
    },
  });
}
