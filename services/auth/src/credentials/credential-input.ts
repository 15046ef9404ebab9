import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { fieldError } from '@millrace/runtime';
import { z } from 'zod';

const MAX_PERMISSIONS = 64;
/** The end of the year 9999, in milliseconds: the last instant that RFC 3339 can write. */
const LAST_INSTANT_MS = 253_402_300_799_999;

const name = z.string().min(1, 'must not be empty').max(128, 'at most 128 characters');
const permissions = z
  .array(
    z.string().regex(/^(\*|[A-Za-z0-9][A-Za-z0-9_.:*-]{0,63})$/, {
      error: 'each is * or 1 to 64 letters, digits and _ . : * -, beginning with a letter or a digit',
    }),
  )
  .max(MAX_PERMISSIONS, `at most ${MAX_PERMISSIONS}`);

/** A credential's name, 1 to 128 characters; otherwise `invalid_argument`. */
export function checkedName(value: string): string {
  return checked('name', name, value);
}

/** Permissions, each once, at most 64 of at most 64 characters; otherwise `invalid_argument`. */
export function checkedPermissions(values: readonly string[]): readonly string[] {
  return [...new Set(checked('permissions', permissions, values))];
}

/** When a credential expires, in milliseconds since 1970: after now and before the year 10000. */
export function checkedExpiry(expiresAt: Timestamp, nowMs: number): number {
  const expiresAtMs = timestampMs(expiresAt);
  if (expiresAtMs <= nowMs) throw fieldError('expires_at', 'must be in the future');
  if (!(expiresAtMs <= LAST_INSTANT_MS)) {
    throw fieldError('expires_at', 'must be before the year 10000');
  }
  return expiresAtMs;
}

function checked<T>(field: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fieldError(field, issue?.message ?? 'invalid');
}
