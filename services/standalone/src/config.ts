import { analyticsSettings } from '@millrace/analytics';
import { authConfig } from '@millrace/auth';
import { publicConfig } from '@millrace/edge';
import { ingestSettings } from '@millrace/ingest';
import { webhookSettings } from '@millrace/webhook';
import { z } from 'zod';

/** Roles that one process can take; all but the writer belong together. */
const ROLES = ['edge', 'auth', 'accept', 'analytics', 'webhook', 'writer'] as const;
const INSEPARABLE = ROLES.slice(0, 5);

const isRole = (name: string): name is (typeof ROLES)[number] => ROLES.some((role) => role === name);

/** Settings of every role in one process. */
export const standaloneConfig = publicConfig
  .extend(authConfig.shape)
  .extend(ingestSettings.shape)
  .extend(analyticsSettings.shape)
  .extend(webhookSettings.shape)
  .extend({
    MILLRACE_ROLES: z
      .string()
      .default(ROLES.join(','))
      .transform((list) => list.split(',').map((role) => role.trim()))
      .refine((roles) => roles.every(isRole), `roles are ${ROLES.join(', ')}`)
      .refine(
        (roles) => INSEPARABLE.every((role) => roles.includes(role)),
        `${INSEPARABLE.join(', ')} can't be left out; only writer can run as a process of its own`,
      )
      .describe('roles of this process, separated by commas; leave writer out when it runs elsewhere'),
  });

/** What `standaloneConfig` yields. */
export type StandaloneConfig = z.output<typeof standaloneConfig>;
