import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';

const name = z.string().min(1).max(128);
const permissions = z.array(z.string().regex(/^(\*|[A-Za-z0-9][A-Za-z0-9_.:*-]{0,63})$/)).max(64);

/** A credential's name, 1 to 128 characters; otherwise `invalid_argument`. */
export function checkedName(value: string): string {
  return checked('name', name, value);
}

/** Permissions, each once, at most 64 of at most 64 characters; otherwise `invalid_argument`. */
export function checkedPermissions(values: readonly string[]): readonly string[] {
  return [...new Set(checked('permissions', permissions, values))];
}

function checked<T>(field: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MillraceError('invalid_argument', `${field}: ${issue?.message ?? 'invalid'}`);
}
