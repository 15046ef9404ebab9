import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Grant, hasPermission } from '../clients/credentials.ts';
import type { AccessRule } from './access.ts';

/** What a rule asks of its callers that one doesn't meet. */
export type UnmetDemand =
  /** The rule is for people, and this is a key. */
  { readonly kind: 'person' } | { readonly kind: 'permission'; readonly permission: string };

/** What a good credential lacks for a rule, whichever protocol it came by; undefined when it may go on. */
export function unmetDemand(grant: Grant, { anyOf, caller }: AccessRule): UnmetDemand | undefined {
  if (caller === 'person' && grant.credentialKind !== CredentialKind.SESSION) return { kind: 'person' };
  if (anyOf.length === 0) return undefined;
  for (const permission of anyOf) if (hasPermission(grant, permission)) return undefined;
  return { kind: 'permission', permission: anyOf[0] ?? '' };
}
