import type { z } from 'zod';
import type { Exchange } from '../server/exchange.ts';
import { BODY_LIMIT_BYTES } from './api.ts';
import { invalid, toIssues } from './issues.ts';
import { parseJson } from './json/parse.ts';
import { requireJson } from './media-type.ts';

/**
 * A request's body as its schema yields it; no body at all is `{}` where that is `optional`. Throws RequestFailure
 * `unsupported_media_type`, `too_large`, `malformed_json` or `invalid`.
 */
export async function receiveJson<Schema extends z.ZodType>(
  exchange: Exchange,
  schema: Schema,
  { optional = false }: { optional?: boolean } = {},
): Promise<z.output<Schema>> {
  requireJson(exchange);
  const body = await exchange.body(BODY_LIMIT_BYTES);
  const value: unknown = optional && body.length === 0 ? {} : parseJson(body).value;
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value));
  return parsed.data;
}
