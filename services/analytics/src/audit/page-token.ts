import { MillraceError } from '@millrace/runtime';
import type { AuditPosition } from './ports.ts';

const POSITION = /^(\d{1,13})\.([0-9a-f-]{36})$/;

/** The token that leads to what comes behind a position. */
export function toPageToken({ atMs, id }: AuditPosition): string {
  return Buffer.from(`${atMs}.${id}`).toString('base64url');
}

/** The position that a token names. Throws MillraceError `invalid_argument` when it is none of ours. */
export function fromPageToken(token: string): AuditPosition {
  const [, atMs, id] = POSITION.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? [];
  if (atMs === undefined || id === undefined || toPageToken({ atMs: Number(atMs), id }) !== token) {
    throw new MillraceError('invalid_argument', 'page_token: must be the one that the last answer had');
  }
  return { atMs: Number(atMs), id };
}
