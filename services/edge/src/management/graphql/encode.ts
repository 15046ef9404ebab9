import { z } from 'zod';
import { describeFailure, FAILURE_CODE } from '../../request/problem/describe-failure.ts';
import { codeIn, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';

const CODES = {
  ...FAILURE_CODE,
  invalid: 'BAD_USER_INPUT',
  malformed_json: 'BAD_REQUEST',
  missing_credential: 'UNAUTHENTICATED',
  invalid_credential: 'UNAUTHENTICATED',
  internal: 'INTERNAL_SERVER_ERROR',
} as const satisfies Record<Failure['kind'], string>;

/** The body where a request was not executed. */
export const graphqlRefusal = z
  .strictObject({
    errors: z
      .array(z.strictObject({ message: z.string(), extensions: z.strictObject({ code: codeIn(CODES) }) }))
      .min(1),
  })
  .meta({ id: 'GraphqlRefusal' });

/** The body where a document was executed or found wrong, as the GraphQL specification has it. */
export const graphqlResult = z
  .strictObject({
    data: z.record(z.string(), z.unknown()).nullish(),
    errors: z
      .array(
        z.strictObject({
          message: z.string(),
          locations: z.array(z.strictObject({ line: z.int().min(1), column: z.int().min(1) })).optional(),
          path: z.array(z.union([z.string(), z.int()])).optional(),
          extensions: z.looseObject({ code: z.string() }),
        }),
      )
      .min(1)
      .optional(),
  })
  .meta({ id: 'GraphqlResult' });

/** What an error of an answer says, beside where it is. */
export type ErrorWords = z.output<typeof graphqlRefusal>['errors'][number];

/** A failure in GraphQL's words. */
export function toErrorWords(failure: Failure): ErrorWords {
  return { message: describeFailure(failure).detail, extensions: { code: CODES[failure.kind] } };
}

/** The answer to a request that was not executed: `{"errors":[{"message","extensions":{"code"}}]}`. */
export function encodeGraphqlFailure(failure: Failure): Reply {
  const { status, headers } = describeFailure(failure);
  return jsonReply(graphqlRefusal, status, { errors: [toErrorWords(failure)] }, headers);
}
