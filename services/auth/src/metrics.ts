import { counterFrom, type MetricsRegistry } from '@millrace/runtime';

/** The auth role's own metrics. */
export type AuthMetrics = ReturnType<typeof createAuthMetrics>;

/** Declares them once in a registry. */
export function createAuthMetrics(registry: MetricsRegistry) {
  return {
    verifications: counterFrom({
      registry,
      name: 'millrace_auth_verifications_total',
      help: 'Credentials verified, by outcome.',
      labelNames: ['outcome'],
    }),
    mails: counterFrom({
      registry,
      name: 'millrace_auth_mails_total',
      help: 'Mails, by outcome: sent, logged, refused by the mail server, given up, dropped at the stop.',
      labelNames: ['outcome'],
    }),
    signIns: counterFrom({
      registry,
      name: 'millrace_auth_sign_ins_total',
      help: 'Steps of signing in, by outcome.',
      labelNames: ['outcome'],
    }),
    quotaFallbacks: counterFrom({
      registry,
      name: 'millrace_auth_quota_fallback_total',
      help: 'Invitations that were limited without Redis although there is one.',
      labelNames: [],
    }),
    changes: counterFrom({
      registry,
      name: 'millrace_auth_credential_changes_total',
      help: 'Changes of credentials, users and workspaces announced to the other services.',
      labelNames: [],
    }),
  };
}
