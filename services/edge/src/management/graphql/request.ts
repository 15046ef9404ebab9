import { z } from 'zod';
import { invalid, toIssues } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { isMediaType, requireJson } from '../../request/media-type.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';

/** Longest document with its variables, raw and inflated, in bytes. */
export const GRAPHQL_BODY_LIMIT_BYTES = 64 * 1024;

const values = z.record(z.string(), z.unknown()).nullish();

/** The body of a request; unknown members are dropped. */
export const graphqlRequest = z
  .object({
    query: z.string().min(1).describe('The document'),
    variables: values.describe('Values of the variables that the operation declares'),
    operationName: z.string().nullish().describe('Which operation, where the document has several'),
    extensions: values.describe('Ignored'),
  })
  .meta({
    id: 'GraphqlRequest',
    examples: [{ query: 'mutation {\n  createExternalEventToken {\n    token\n    expiresAt\n  }\n}' }],
  });

/** What `graphqlRequest` yields. */
export type GraphqlRequest = z.output<typeof graphqlRequest>;

/** Reads a request; throws RequestFailure `unsupported_media_type`, `too_large`, `malformed_json` or `invalid`. */
export async function readGraphqlRequest(exchange: Exchange): Promise<GraphqlRequest> {
  // A form or a text can be sent by any page without a preflight, so nothing but JSON is read, declared as such.
  if (!isMediaType(exchange.header('content-type') ?? '', 'application/json')) {
    throw new RequestFailure({
      kind: 'unsupported_media_type',
      message: 'Content-Type must be application/json',
    });
  }
  requireJson(exchange);
  const { value } = parseJson(await exchange.body(GRAPHQL_BODY_LIMIT_BYTES));
  if (Array.isArray(value)) {
    throw invalid([{ code: 'custom', path: [], message: 'Batches are not supported' }]);
  }
  const parsed = graphqlRequest.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value));
  return parsed.data;
}
