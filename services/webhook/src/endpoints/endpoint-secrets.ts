import { type Logger, MillraceError, type Seal } from '@millrace/runtime';
import { newKeyPair, newSecret, readSigningKey, type SigningKey } from '../signing/signing-key.ts';
import type { HttpEndpointTarget } from './endpoint-record.ts';

/** How long the secret that was replaced signs beside the new one, in milliseconds. */
export const OVERLAP_MS = 24 * 60 * 60 * 1_000;

/** A new secret of an endpoint, and what its owner is shown of it. */
export interface NewSecret {
  readonly secret: HttpEndpointTarget['secrets'][number];
  /** `whsec_…`, or `whpk_…` with Ed25519. */
  readonly shown: string;
  readonly publicKey?: string | undefined;
}

/** Makes a secret and seals it: what is stored signs nothing without the installation's key. */
export function makeSecret(
  seal: Seal,
  endpoint: { readonly id: string; readonly signature: HttpEndpointTarget['signature'] },
  nowMs: number,
): NewSecret {
  if (endpoint.signature === 'hmac-sha256') {
    const shown = newSecret();
    return { secret: { sealed: seal.close(endpoint.id, shown), createdAtMs: nowMs }, shown };
  }
  const { privateKey, publicKey } = newKeyPair();
  return {
    secret: { sealed: seal.close(endpoint.id, privateKey), createdAtMs: nowMs },
    shown: publicKey,
    publicKey,
  };
}

/** The secrets after a rotation: the newest signs for good, the one before it for a day. */
export function rotated(
  secrets: HttpEndpointTarget['secrets'],
  newest: HttpEndpointTarget['secrets'][number],
  nowMs: number,
): HttpEndpointTarget['secrets'] {
  const [previous] = secrets;
  return previous === undefined ? [newest] : [newest, { ...previous, untilMs: nowMs + OVERLAP_MS }];
}

/** Reads the keys of an endpoint once; answers those that sign at a time, the newest first. */
export function openSigningKeys(
  seal: Seal,
  endpoint: { readonly id: string; readonly target: HttpEndpointTarget },
  log: Logger,
): (nowMs: number) => readonly SigningKey[] {
  const keys = endpoint.target.secrets.flatMap(({ sealed, untilMs = Number.POSITIVE_INFINITY }) => {
    const text = seal.open(endpoint.id, sealed);
    if (text !== undefined) return [{ key: readSigningKey(text), untilMs }];
    log.error(
      { endpointId: endpoint.id },
      'a secret was sealed with another WEBHOOK_SEAL_KEY and can not be used',
    );
    return [];
  });
  const last = Math.max(
    ...keys.map(({ untilMs }) => (untilMs === Number.POSITIVE_INFINITY ? 0 : untilMs)),
    0,
  );
  const forGood = keys.filter(({ untilMs }) => untilMs === Number.POSITIVE_INFINITY).map(({ key }) => key);
  return (nowMs) => {
    if (keys.length === 0)
      throw new MillraceError('failed_precondition', 'the endpoint has no secret that can be used');
    return nowMs >= last ? forGood : keys.filter(({ untilMs }) => untilMs > nowMs).map(({ key }) => key);
  };
}
