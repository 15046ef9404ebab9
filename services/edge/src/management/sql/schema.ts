import { z } from 'zod';
import { boundedText } from '../../request/json-types.ts';

const MAX_QUERY_CHARS = 32_768;
const MAX_VALUE_CHARS = 65_536;
const MAX_LIST = 10_000;
const scalar = z.union([boundedText(0, MAX_VALUE_CHARS), z.number(), z.boolean(), z.null()], {
  error: 'must be text, a number, true, false or null',
});

/** Body of `POST /v1/sql`. */
export const sqlBody = z
  .strictObject({
    query: boundedText(1, MAX_QUERY_CHARS).describe(
      'one SELECT over the table `events`, in ClickHouse’s SQL',
    ),
    params: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'names have letters, digits and _, at most 64'),
        z.union([scalar, z.array(scalar).max(MAX_LIST)], {
          error: 'must be text, a number, true, false, null, or a list of these',
        }),
      )
      .refine((params) => Object.keys(params).length <= 100, 'at most 100')
      .default({})
      .describe('values of what stands in it as `{name:Type}`'),
    format: z
      .enum(['json', 'ndjson', 'csv', 'parquet'])
      .optional()
      .describe('how to answer; by the header `Accept` when absent'),
  })
  .meta({ id: 'SqlStatement' });

/** What {@link sqlBody} yields. */
export type SqlBody = z.output<typeof sqlBody>;

/** What is answered as JSON. */
export const sqlTable = z
  .strictObject({
    columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
    rows: z.array(z.array(z.unknown())),
  })
  .meta({ id: 'SqlAnswer' });
