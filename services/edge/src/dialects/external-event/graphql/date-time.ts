import { type ConstValueNode, GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { parseRfc3339, RFC3339_EXPECTED } from '../../rfc3339.ts';

/** A time: milliseconds since 1970-01-01 UTC here, an RFC 3339 date-time in documents and answers. */
export const dateTime = new GraphQLScalarType<number, string>({
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
