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
    changes: counterFrom({
      registry,
      name: 'millrace_auth_credential_changes_total',
      help: 'Changes of credentials announced to the other services.',
      labelNames: [],
    }),
  };
}
