import { type Clock, counterFrom, type Logger, type MetricsRegistry } from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';
import type { CredentialLookup, CredentialVerifier } from './credentials.ts';
import { createCredentialCache } from './credentials-cache.ts';
import { followCredentialChanges } from './credentials-changes.ts';

/** Puts the cache before a look-up and keeps it told of changes until closed. */
export function connectCredentials(options: {
  lookUp: CredentialLookup;
  connection: NatsConnection;
  registry: MetricsRegistry;
  clock: Clock;
  log: Logger;
}): CredentialVerifier & { close(): void } {
  const { connection, log } = options;
  const cache = createCredentialCache({
    ...options,
    lookups: counterFrom({
      registry: options.registry,
      name: 'millrace_edge_credential_lookups_total',
      help: 'Credentials that auth was asked about, by outcome.',
      labelNames: ['outcome'],
    }),
  });
  const stopFollowing = followCredentialChanges({ connection, listener: cache, log });
  return { verify: cache.verify, close: stopFollowing };
}
