import { z } from 'zod';
import { boundedText, timestamp, wholeNumber } from '../../request/json-types.ts';

/** Keys that one answer lists at most. */
export const MAX_PAGE_SIZE = 200;

const MAX_PERMISSIONS = 64;
const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;
const MAX_REQUESTS_PER_MINUTE = 60_000_000;
const MAX_CURSOR_CHARS = 128;

const PERMISSION = {
  expression: /^(\*|[A-Za-z0-9][A-Za-z0-9_.:*-]*)$/,
  message: 'must be *, or begin with a letter or digit and hold only those, "_", ".", ":", "*" and "-"',
};

const name = boundedText(1, 128);

const permission = boundedText(1, 64, PERMISSION);

// The length comes first: a body of a megabyte would otherwise be described element by element.
const permissions = z
  .array(z.unknown())
  .max(MAX_PERMISSIONS)
  .pipe(z.array(permission))
  .meta({ items: { type: 'string', minLength: 1, maxLength: 64, pattern: PERMISSION.expression.source } });

const rateLimit = z.strictObject({
  requestsPerMinute: wholeNumber(1, MAX_REQUESTS_PER_MINUTE),
  burst: wholeNumber(1, MAX_REQUESTS_PER_MINUTE).optional(),
});

/** A new key. Strict, because a misspelt `expiresAt` must not make a key that lives for ever. */
export const newKey = z.strictObject({
  name,
  permissions,
  expiresAt: timestamp().optional(),
  rateLimit: rateLimit.optional(),
});

/** What shall be another way about a key. */
export const keyChanges = z
  .strictObject({
    name: name.optional(),
    permissions: permissions.optional(),
    isActive: z.boolean().optional(),
    // Null gives the key back to the limit of its workspace.
    rateLimit: rateLimit.nullable().optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'There must be at least one field to change');

/** How a key is replaced. */
export const rotation = z.strictObject({
  overlapSeconds: wholeNumber(0, MAX_OVERLAP_SECONDS).default(0),
});

/** Which page of the list. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(MAX_PAGE_SIZE),
  cursor: z.string().min(1).max(MAX_CURSOR_CHARS).optional(),
});
