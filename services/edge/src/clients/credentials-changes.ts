import { fromBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, counterFrom, type Logger, type MetricsRegistry } from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';
import type { CredentialLookup, CredentialVerifier } from './credentials.ts';
import { createCredentialCache } from './credentials-cache.ts';

/** What has changed: each field that is set names verdicts that are wrong now. */
export interface CredentialChange {
  /** That credential's. */
  readonly credentialId?: string;
  /** Every one of this user's. */
  readonly userId?: string;
  /** Every one of this workspace. */
  readonly workspaceId?: string;
}

/** Told of changes that make cached verdicts wrong. */
export interface CredentialChangeListener {
  changed(change: CredentialChange): void;
  /** Announcements may have been lost: any credential may have changed. */
  missed(): void;
}

const SUBJECT = 'millrace.auth.changed';

/** Follows auth's announcements until the returned function is called. */
export function followCredentialChanges(options: {
  connection: NatsConnection;
  listener: CredentialChangeListener;
  log: Logger;
}): () => void {
  const { connection, listener, log } = options;
  let following = true;
  const subscription = connection.subscribe(SUBJECT, {
    callback(error, message) {
      if (!following) return;
      try {
        if (error !== null) throw error;
        const change = readChange(message.data);
        if (change === undefined) listener.missed();
        else listener.changed(change);
      } catch (thrown) {
        log.error({ err: thrown }, 'a credential change could not be read');
        listener.missed();
      }
    },
  });
  const followConnection = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (!following) return;
      // The type is an enum of a package that the edge does not depend on.
      if (String(status.type) === 'reconnect') listener.missed();
    }
  };
  followConnection().catch((error: unknown) => log.error({ err: error }, 'NATS status feed ended'));
  return () => {
    following = false;
    subscription.unsubscribe();
  };
}

/** Undefined for one that names nothing that this version knows of. */
function readChange(bytes: Uint8Array): CredentialChange | undefined {
  const { credentialId, userId, workspaceId } = fromBinary(CredentialChangedSchema, bytes);
  if (credentialId === '' && userId === '' && workspaceId === '') return undefined;
  return {
    ...(credentialId === '' ? {} : { credentialId }),
    ...(userId === '' ? {} : { userId }),
    ...(workspaceId === '' ? {} : { workspaceId }),
  };
}

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
