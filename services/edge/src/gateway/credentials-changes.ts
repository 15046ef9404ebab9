import { fromBinary } from '@bufbuild/protobuf';
import { CredentialChangedSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import type { Logger } from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';

/** Told of changes that make cached verdicts wrong. */
export interface CredentialChangeListener {
  changed(credentialId: string): void;
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
        listener.changed(fromBinary(CredentialChangedSchema, message.data).credentialId);
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
