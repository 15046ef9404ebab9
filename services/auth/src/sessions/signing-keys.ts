import type { KeyObject } from 'node:crypto';
import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import { createSeal } from '../secrets/seal.ts';
import type { SecretHasher } from '../secrets/secret-hash.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { SigningKeyRecord } from '../store/signing-key-record.ts';
import { isForgotten, keyInForce, outlivedKeys, successorDue } from './key-rotation.ts';
import { newSigningKeyRecord, openSigningKey, type SigningKey } from './signing-key.ts';

/** The keys that sign sessions, shared by all replicas through the store. */
export interface SigningKeys {
  /** The one that signs now. */
  inForce(): SigningKey;
  /** Undefined when this installation has no such key, or no more. */
  publicKey(kid: string): KeyObject | undefined;
  /** JSON Web Key Set (RFC 7517) of the public halves, those that don't sign yet included. */
  jwksJson(): string;
  /** Makes a successor when one is due, and removes keys of which no session can be alive. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

const DAY_MS = 24 * 60 * 60_000;
const CHECK_INTERVAL_MS = 60_000;

/**
 * Opens the keys, makes the first one when there is none, and sees to their rotation.
 * Two replicas may make a key at the same moment; both are good, and all choose the same one to sign.
 */
export async function openSigningKeys(options: {
  records: AuthStore['signingKeys'];
  hasher: SecretHasher;
  rotationDays: number;
  clock: Clock;
  log: Logger;
}): Promise<SigningKeys> {
  const { records, clock, log } = options;
  const rotationMs = options.rotationDays * DAY_MS;
  const seal = createSeal(options.hasher.deriveKey('session signing keys'));
  const keys = new Map<string, SigningKey>();

  const open = (record: SigningKeyRecord): void => {
    const key = openSigningKey(seal, record);
    if (key !== undefined) keys.set(record.kid, key);
    else
      log.warn({ kid: record.kid }, 'a signing key of another pepper is ignored, its sessions are unknown');
  };
  for (const [, { value }] of records.entries()) open(value);
  records.onChange((change) => {
    if (change.kind === 'put') open(change.value);
    else keys.delete(change.previous.kid);
  });
  const usable = (): readonly SigningKeyRecord[] => [...keys.values()].map(({ record }) => record);

  const rotate = async (): Promise<void> => {
    // An index that lags may not show the key that is missing.
    if (records.staleSinceMs !== undefined) return;
    const nowMs = clock.now();
    const signsFromMs = successorDue({ keys: usable(), rotationMs, nowMs });
    if (signsFromMs !== undefined) {
      const record = await newSigningKeyRecord({ seal, createdAtMs: nowMs, signsFromMs });
      await records.create(record.kid, record);
      log.info({ kid: record.kid, signsFrom: new Date(signsFromMs) }, 'a key for signing sessions was made');
    }
    const outlived = new Set(outlivedKeys(usable(), nowMs).map(({ kid }) => kid));
    for (const [recordKey, { value, revision }] of records.entries()) {
      const isOfOtherPepper = !keys.has(value.kid);
      if (isOfOtherPepper ? !isForgotten(value, { rotationMs, nowMs }) : !outlived.has(value.kid)) continue;
      const removed = await records.remove(recordKey, revision);
      // On a conflict another replica has removed it.
      if (removed.kind === 'written') log.info({ kid: value.kid }, 'an old signing key was removed');
    }
  };

  await rotate();
  let rotating: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    rotating = rotate().catch((error: unknown) => {
      log.error({ err: error }, 'the signing keys could not be rotated, trying again in a minute');
    });
  }, CHECK_INTERVAL_MS).unref();

  return {
    inForce() {
      const record = keyInForce(usable(), clock.now());
      const key = record && keys.get(record.kid);
      if (key === undefined) throw new MillraceError('unavailable', 'there is no key to sign sessions with');
      return key;
    },
    publicKey: (kid) => keys.get(kid)?.publicKey,
    jwksJson: () =>
      JSON.stringify({
        keys: usable().map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: 'EdDSA', use: 'sig' })),
      }),
    rotate,
    async close() {
      clearInterval(timer);
      await rotating;
    },
  };
}
