import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type { Deed } from '@millrace/stores';
import type { CredentialRecord } from '../store/credential-record.ts';

/** What the audit log says of a credential: never its secret, its hash or its proof. */
export function credentialDeed(
  action: string,
  options: {
    record: CredentialRecord;
    actor: Actor;
    details?: Readonly<Record<string, unknown>>;
  },
): Omit<Deed, 'outcome'> {
  const { record, actor, details } = options;
  return {
    workspaceId: record.workspaceId,
    action,
    actor,
    target: { type: 'credential', id: record.id },
    details: { name: record.name, kind: record.kind, permissions: record.permissions, ...details },
  };
}
