import { createHmac, sign as signOnce } from 'node:crypto';
import type { SigningKey } from './signing-key.ts';

/** What a signature vouches for. */
export interface SignedCall {
  /** Sent as `webhook-id`; without a full stop. */
  readonly id: string;
  /** When the attempt is made, in whole seconds since 1970; sent as `webhook-timestamp`. */
  readonly timestampSeconds: number;
  /** The very bytes that are sent. */
  readonly body: Buffer;
}

/**
 * The header `webhook-signature` of Standard Webhooks: `v1,<base64>` of each secret and `v1a,<base64>` of each Ed25519 key, in their
 * order, a space between. During a rotation there are two keys; there is always one.
 */
export function sign(call: SignedCall, keys: readonly SigningKey[]): string {
  if (keys.length === 0) throw new RangeError('a call is signed by one key at least');
  const head = `${call.id}.${call.timestampSeconds}.`;
  return keys.map((key) => signatureOf(head, call.body, key)).join(' ');
}

function signatureOf(head: string, body: Buffer, { scheme, key }: SigningKey): string {
  if (scheme === 'hmac-sha256')
    return `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`;
  // Ed25519 goes over a message twice, so it has to be in one piece.
  return `v1a,${signOnce(null, Buffer.concat([Buffer.from(head), body]), key).toString('base64')}`;
}
