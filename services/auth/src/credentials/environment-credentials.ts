import type { AuthConfig } from '../config.ts';
import type { StoredKind } from '../store/credential-record.ts';

/** A credential that the operator has set. */
export interface EnvironmentCredential {
  readonly secret: string;
  /** The setting it comes from; several when they have the same value. */
  readonly environmentName: string;
  readonly kind: StoredKind;
  readonly permissions: readonly string[];
}

const WRITE = ['events:write'] as const;

/** The credentials that the environment asks for, one for each distinct secret. */
export function environmentCredentials(config: AuthConfig): EnvironmentCredential[] {
  const found: EnvironmentCredential[] = [];
  const add = (
    environmentName: string,
    secret: string | undefined,
    kind: StoredKind,
    permissions: readonly string[],
  ): void => {
    if (secret !== undefined) found.push({ secret, environmentName, kind, permissions });
  };
  add('BOOTSTRAP_API_KEY', config.BOOTSTRAP_API_KEY, 'analytics_key', ['*']);
  add('BOOTSTRAP_EXTERNAL_EVENT_TOKEN', config.BOOTSTRAP_EXTERNAL_EVENT_TOKEN, 'external_event_token', WRITE);
  add('EMAIL_API_KEY', config.EMAIL_API_KEY, 'environment', WRITE);
  add('COMPOZY_API_TOKEN', config.COMPOZY_API_TOKEN, 'environment', WRITE);
  if (config.COMPOZY_API_TOKEN === undefined && config.MILLRACE_ENV === 'development') {
    // The workflow API's documentation uses both; the names say nothing of the values, because names are stored.
    add('DEVELOPMENT_TOKEN_1', 'dev-token', 'environment', WRITE);
    add('DEVELOPMENT_TOKEN_2', 'test-token', 'environment', WRITE);
  }
  return mergeSameSecrets(found);
}

function mergeSameSecrets(found: readonly EnvironmentCredential[]): EnvironmentCredential[] {
  const bySecret = new Map<string, EnvironmentCredential>();
  for (const credential of found) {
    const same = bySecret.get(credential.secret);
    if (same === undefined) {
      bySecret.set(credential.secret, credential);
      continue;
    }
    bySecret.set(credential.secret, {
      ...same,
      environmentName: `${same.environmentName}, ${credential.environmentName}`,
      permissions: [...new Set([...same.permissions, ...credential.permissions])],
    });
  }
  return [...bySecret.values()];
}
