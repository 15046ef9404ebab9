import { hash } from 'node:crypto';
import { DEDUP_KEY_BYTES } from './envelope.ts';

/** Length of a body hash, in bytes. */
const BODY_HASH_BYTES = 8;

/** Stands for the hash of an event that can't have a duplicate. */
export const NO_BODY_HASH = '';

/**
 * The key under which duplicates of an event meet: 16 bytes of SHA-256, as latin1.
 * Neither a workspace nor a scope can hold a line feed, so no two identities run together.
 */
export function dedupKey(
  workspaceId: string,
  identity: { readonly scope: string; readonly id: string },
): string {
  return sha256(`${workspaceId}\n${identity.scope}\n${identity.id}`, DEDUP_KEY_BYTES);
}

/** 8 bytes of SHA-256 over what a retry repeats, as latin1. */
export function bodyHash(content: string): string {
  return sha256(content, BODY_HASH_BYTES);
}

function sha256(text: string, bytes: number): string {
  return hash('sha256', text, 'binary').slice(0, bytes);
}
