import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Clock, createSeal, type Logger, MillraceError, type Seal } from '@millrace/runtime';
import { calculateJwkThumbprint } from 'jose';

import type { SecretHasher } from '../secrets/secret-hash.ts';
import type { AuthStore, SigningKeyRecord } from '../store/auth-store.ts';

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

/** How long a key is published before it signs: caches of the key set have it by then. */
const PUBLISHED_AHEAD_MS = 60 * 60_000;
/** No session lives longer, whatever the settings of the replica that gave it. */
const LONGEST_SESSION_MS = 60 * 60_000;
/** For clocks that differ. */
const MARGIN_MS = 60 * 60_000;

/** The key that signs at a moment: the one that began last. Every replica chooses the same. */
function keyInForce<T extends SigningKeyRecord>(keys: readonly T[], nowMs: number): T | undefined {
  const ordered = inOrder(keys);
  return ordered.findLast(({ signsFromMs }) => signsFromMs <= nowMs) ?? ordered[0];
}

/** When a key that is to be made now shall begin to sign; undefined while none is due. */
function successorDue(options: {
  keys: readonly SigningKeyRecord[];
  rotationMs: number;
  nowMs: number;
}): number | undefined {
  const { keys, rotationMs, nowMs } = options;
  const newest = inOrder(keys).at(-1);
  if (newest === undefined) return nowMs;
  return newest.signsFromMs + rotationMs <= nowMs ? nowMs + PUBLISHED_AHEAD_MS : undefined;
}

/** The keys of which no session can be alive: their successor has signed for longer than a session lives. */
function outlivedKeys(keys: readonly SigningKeyRecord[], nowMs: number): readonly SigningKeyRecord[] {
  const ordered = inOrder(keys);
  return ordered.filter((_, at) => {
    const successor = ordered[at + 1];
    return successor !== undefined && successor.signsFromMs + LONGEST_SESSION_MS + MARGIN_MS <= nowMs;
  });
}

/** Whether a key of another pepper is past any use: whoever has that pepper has made two successors since. */
function isForgotten(key: SigningKeyRecord, options: { rotationMs: number; nowMs: number }): boolean {
  return key.signsFromMs + 2 * (options.rotationMs + PUBLISHED_AHEAD_MS) + MARGIN_MS <= options.nowMs;
}

function inOrder<T extends SigningKeyRecord>(keys: readonly T[]): readonly T[] {
  return keys.toSorted((a, b) => a.signsFromMs - b.signsFromMs || (a.kid < b.kid ? -1 : 1));
}

/** A key pair that this installation made, ready for use. */
interface SigningKey {
  readonly record: SigningKeyRecord;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes an Ed25519 pair for the store; its `kid` is the thumbprint of the public key (RFC 7638). */
async function newSigningKeyRecord(options: {
  seal: Seal;
  createdAtMs: number;
  signsFromMs: number;
}): Promise<SigningKeyRecord> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const privateJwk = privateKey.export({ format: 'jwk' });
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x: privateJwk.x ?? '' } as const;
  const kid = await calculateJwkThumbprint(publicJwk);
  return {
    kid,
    publicJwk,
    sealedPrivateJwk: options.seal.close(kid, JSON.stringify(privateJwk)),
    createdAtMs: options.createdAtMs,
    signsFromMs: options.signsFromMs,
  };
}

/**
 * A stored key, unless it was sealed under another pepper.
 * The public half is taken from the sealed one: whoever can write to the store can not bring in a key of their own.
 */
function openSigningKey(seal: Seal, record: SigningKeyRecord): SigningKey | undefined {
  const opened = seal.open(record.kid, record.sealedPrivateJwk);
  if (opened === undefined) return undefined;
  const privateKey = createPrivateKey({ key: JSON.parse(opened), format: 'jwk' });
  const publicKey = createPublicKey(privateKey);
  if (publicKey.export({ format: 'jwk' }).x !== record.publicJwk.x) return undefined;
  return { record, publicKey, privateKey };
}
