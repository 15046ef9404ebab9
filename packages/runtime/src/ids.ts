import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 10 * 512;
const pool = Buffer.allocUnsafe(POOL_BYTES);
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
let poolOffset = POOL_BYTES;
let lastMs = 0;
let lastPrefix = '';

const at = (offset: number): string => hex[pool[offset] ?? 0] ?? '';

/**
 * A UUIDv7 (RFC 9562): milliseconds, then 74 random bits.
 * Random bytes are drawn in blocks: a system call for each id would cost more than the rest of a request's bookkeeping.
 */
export function uuidv7(nowMs: number): string {
  if (poolOffset + 10 > POOL_BYTES) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  if (nowMs !== lastMs) {
    const time = nowMs.toString(16).padStart(12, '0');
    lastPrefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
    lastMs = nowMs;
  }
  const o = poolOffset;
  poolOffset += 10;
  const version = hex[0x70 | ((pool[o] ?? 0) & 0x0f)] ?? '';
  const variant = hex[0x80 | ((pool[o + 2] ?? 0) & 0x3f)] ?? '';
  return `${lastPrefix}${version}${at(o + 1)}-${variant}${at(o + 3)}-${at(o + 4)}${at(o + 5)}${at(o + 6)}${at(o + 7)}${at(o + 8)}${at(o + 9)}`;
}
