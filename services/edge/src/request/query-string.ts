import { z } from 'zod';
import { invalid, toIssues } from './issues.ts';
import { boundedText } from './json-types.ts';

const DEFAULT_PAGE = 100;
/** The analytics service checks the rest: a cursor is its own. */
const MAX_CURSOR_CHARS = 1_024;

/** The parameters of a query. Throws RequestFailure `invalid` naming each wrong one. */
export function readQuery<Schema extends z.ZodType>(
  search: URLSearchParams,
  schema: Schema,
): z.output<Schema> {
  return parseQuery(Object.fromEntries(search), schema);
}

/** The same for parameters that have been gathered already. */
export function parseQuery<Schema extends z.ZodType>(
  query: Readonly<Record<string, unknown>>,
  schema: Schema,
): z.output<Schema> {
  const parsed = schema.safeParse(query);
  if (!parsed.success) throw invalid(toIssues(parsed.error, query));
  return parsed.data;
}

/** A whole number from 1 on, as the text that a query has. */
export function countText(
  maximum: number,
  meta: { readonly default?: number; readonly description?: string } = {},
) {
  const digits = new RegExp(`^\\d{1,${String(maximum).length}}$`);
  return z
    .string()
    .meta({ type: 'integer', minimum: 1, maximum, ...meta })
    .transform((text, context) => {
      const count = digits.test(text) ? Number(text) : 0;
      if (count >= 1 && count <= maximum) return count;
      context.issues.push({ code: 'custom', message: `must be 1 to ${maximum}`, input: text });
      return z.NEVER;
    });
}

/** How many to a page. */
export function pageLimit(maximum: number) {
  return countText(maximum, { default: Math.min(DEFAULT_PAGE, maximum) });
}

/** A place in a list. */
export function cursor(maxChars = MAX_CURSOR_CHARS) {
  return boundedText(1, maxChars).describe('`nextCursor` of the last answer');
}
