import { z } from 'zod';
import { MillraceError } from './errors.ts';
import { judgeSettings } from './setting-rules.ts';

/**
 * Reads settings from an environment through a zod schema.
 * Empty variables count as unset, but for settings whose metadata say `keepsEmpty`. Throws `failed_precondition` with one line for every problem, of single settings and
 * of settings that don't go together.
 */
export function loadConfig<Schema extends z.ZodType>(
  schema: Schema,
  environment: Readonly<Record<string, string | undefined>>,
): z.output<Schema> {
  const present = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => value !== undefined && (value !== '' || keepsEmpty(schema, name)),
    ),
  );
  const parsed = schema.safeParse(present);
  const problems = [
    ...(parsed.error?.issues ?? []).map((issue) => `  ${issue.path.join('.')}: ${issue.message}`),
    ...judgeSettings(namesIn(schema), present).map(({ name, message }) => `  ${name}: ${message}`),
  ];
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new MillraceError('failed_precondition', `invalid settings:\n${problems.join('\n')}`);
}

function keepsEmpty(schema: z.ZodType, name: string): boolean {
  const setting: unknown = schema instanceof z.ZodObject ? schema.shape[name] : undefined;
  return setting instanceof z.ZodType && setting.meta()?.['keepsEmpty'] === true;
}

function namesIn(schema: z.ZodType): ReadonlySet<string> {
  return new Set(schema instanceof z.ZodObject ? Object.keys(schema.shape) : []);
}

/**
 * Loads settings for a `main.ts`: prints problems and exits 1, or with `--check-config` prints what was read
 * (secrets hidden) and exits 0.
 */
export function exitOnConfigError<Schema extends z.ZodType>(schema: Schema): z.output<Schema> {
  try {
    const config = loadConfig(schema, process.env);
    if (!process.argv.includes('--check-config')) return config;
    process.stdout.write(`${JSON.stringify(config, hideSecrets, 2)}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

/** For `JSON.stringify`: hides what is secret, or may hold a password as a URL does. */
export function hideSecrets(key: string, value: unknown): unknown {
  return /PASSWORD|SECRET|PEPPER|TOKEN|API_KEY|CREDS|NKEY|_URL$/i.test(key) && typeof value === 'string'
    ? '***'
    : value;
}

/** Switches are written `true` or `false`. */
export const booleanSetting = z.stringbool();
