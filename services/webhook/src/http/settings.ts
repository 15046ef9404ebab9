import { booleanSetting } from '@millrace/runtime';
import { z } from 'zod';
import { type AddressPolicy, createAddressPolicy, isHostPattern } from './address-policy.ts';
import { isRange } from './address-set.ts';
import type { ConnectionLimits } from './connections.ts';

/** A list in one variable, separated by commas, of what `isItem` takes. */
const listOf = (isItem: (text: string) => boolean, what: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .superRefine((items, context) => {
      for (const item of items) {
        if (!isItem(item)) context.addIssue({ code: 'custom', message: `${item} is no ${what}` });
      }
    });

/** Which addresses are called, and how; see docs/security.md. */
export const webhookHttpSettings = {
  WEBHOOK_ALLOW_PRIVATE: booleanSetting
    .optional()
    .describe(
      'whether endpoints may be in private networks and on loopback; unset, they may in development and may not in production',
    ),
  WEBHOOK_ALLOWED_HOSTS: listOf(isHostPattern, 'host name, *.suffix, IP address or CIDR range').describe(
    'what may be called although it is denied, separated by commas: host names, *.suffix, IP addresses, CIDR ranges; an allowed name may come out as any address',
  ),
  WEBHOOK_DENIED_CIDRS: listOf(isRange, 'IP address or CIDR range').describe(
    'IP addresses and CIDR ranges that are denied beside the private ones, separated by commas: a cluster’s own',
  ),
  WEBHOOK_REQUIRE_HTTPS: booleanSetting
    .prefault('false')
    .describe('whether endpoints must have https:// in their URL'),
  WEBHOOK_PROXY_URL: z
    .url({ protocol: /^https?$/ })
    .refine(hasReadableCredentials, 'must have its user and password percent-encoded')
    .optional()
    .describe(
      'HTTP proxy that all calls go through by CONNECT, http://user:password@host:port, percent-encoded; it resolves the names, so it has to refuse what is yours',
    ),
  WEBHOOK_MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1_000)
    .describe('connections to endpoints that a process may have; each is a file descriptor'),
  WEBHOOK_MAX_CONNECTIONS_PER_ORIGIN: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(64)
    .describe(
      'those of them that may be to one host and port; what is more waits, at most as long as a call may take',
    ),
  WEBHOOK_MAX_IDLE_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(500)
    .describe('those of them that may be at rest; the one that was used least recently is closed'),
};

function hasReadableCredentials(text: string): boolean {
  try {
    const { username, password } = new URL(text);
    return decodeURIComponent(username + password) !== undefined;
  } catch {
    return false;
  }
}

type WebhookHttpSettings = z.output<z.ZodObject<typeof webhookHttpSettings>>;

/** The policy that an installation's settings make. */
export function addressPolicyOf(
  settings: WebhookHttpSettings & { MILLRACE_ENV: 'development' | 'production' },
): AddressPolicy {
  return createAddressPolicy({
    allowPrivate: settings.WEBHOOK_ALLOW_PRIVATE ?? settings.MILLRACE_ENV === 'development',
    allowedHosts: settings.WEBHOOK_ALLOWED_HOSTS,
    deniedRanges: settings.WEBHOOK_DENIED_CIDRS,
    requireHttps: settings.WEBHOOK_REQUIRE_HTTPS,
  });
}

/** The limits that an installation's settings make. */
export function connectionLimitsOf(settings: WebhookHttpSettings): ConnectionLimits {
  return {
    total: settings.WEBHOOK_MAX_CONNECTIONS,
    perOrigin: settings.WEBHOOK_MAX_CONNECTIONS_PER_ORIGIN,
    idle: settings.WEBHOOK_MAX_IDLE_CONNECTIONS,
  };
}
