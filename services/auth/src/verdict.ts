import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type {
  CredentialKind,
  Refusal,
  VerifyResponseSchema,
} from '@millrace/contracts/millrace/auth/v1/auth';

import type { RateLimit } from './store/rate-limit.ts';

/** What became of a presented credential. */
export type Verdict = Grant | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Who a good credential belongs to and what it may do. */
export interface Grant {
  readonly kind: 'granted';
  readonly credentialId: string;
  readonly workspaceId: string;
  /** Empty for credentials of the environment. */
  readonly userId: string;
  /** `*` is every permission. */
  readonly permissions: ReadonlySet<string>;
  readonly credentialKind: CredentialKind;
  /** Undefined for never. */
  readonly expiresAtMs: number | undefined;
  /** The credential's own limit or its workspace's; undefined for neither. */
  readonly rateLimit: RateLimit | undefined;
}

/** A verdict as the message of the contract. */
export function toVerifyResponse(verdict: Verdict): MessageInitShape<typeof VerifyResponseSchema> {
  if (verdict.kind === 'refused') return { refusal: verdict.refusal };
  return {
    credentialId: verdict.credentialId,
    workspaceId: verdict.workspaceId,
    userId: verdict.userId,
    permissions: [...verdict.permissions],
    kind: verdict.credentialKind,
    ...(verdict.rateLimit === undefined ? {} : { rateLimit: verdict.rateLimit }),
    ...(verdict.expiresAtMs === undefined ? {} : { expiresAt: timestampFromMs(verdict.expiresAtMs) }),
  };
}
