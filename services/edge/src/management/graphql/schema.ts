import { parseRfc3339, RFC3339_EXPECTED } from '@millrace/runtime';
import { type ConstValueNode, GraphQLError, GraphQLScalarType, type GraphQLSchema, Kind } from 'graphql';
import { createSchema } from 'graphql-yoga';
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

/** A time: milliseconds since 1970-01-01 UTC here, an RFC 3339 date-time in documents and answers. */
const dateTime = new GraphQLScalarType<number, string>({
  name: 'DateTime',
  description: 'An RFC 3339 date-time, answered in UTC with milliseconds: `2025-12-31T23:59:59.999Z`',
  coerceInputValue: (value) => toMs(value),
  coerceInputLiteral: (node) => toMs(node.kind === Kind.STRING ? node.value : undefined, node),
  coerceOutputValue: (ms) => new Date(Number(ms)).toISOString(),
});

/** The node is the place that an error names. */
function toMs(value: unknown, node?: ConstValueNode): number {
  const ms = typeof value === 'string' ? parseRfc3339(value) : undefined;
  if (ms === undefined) throw new GraphQLError(`DateTime ${RFC3339_EXPECTED}`, { nodes: node });
  return ms;
}
