import { MillraceError } from '@millrace/runtime';
import type { AuthStore } from '../auth-store.ts';
import type { CredentialRecord } from './credential-record.ts';

const ATTEMPTS = 10;

/**
 * Changes a credential by compare-and-set, starting over when another writer was first.
 * `change` returns undefined when there is nothing to do. Answers undefined when the credential is gone.
 */
export async function changeCredential(
  credentials: AuthStore['credentials'],
  recordKey: string,
  change: (record: CredentialRecord) => CredentialRecord | undefined,
): Promise<CredentialRecord | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await credentials.read(recordKey);
    if (stored === undefined) return undefined;
    const changed = change(stored.value);
    if (changed === undefined) return stored.value;
    const outcome = await credentials.update(recordKey, changed, stored.revision);
    if (outcome.kind === 'written') return changed;
  }
  throw new MillraceError('aborted', 'the credential is being changed by others, try again');
}
