import type { Exchange } from '../server/exchange.ts';
import { invalid } from './issues.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** The caller's `Idempotency-Key`, or undefined. Throws RequestFailure `invalid` when it isn't 1 to 255 visible ASCII characters. */
export function idempotencyKey(exchange: Exchange): string | undefined {
  const key = exchange.header('idempotency-key');
  if (key === undefined || VISIBLE_ASCII.test(key)) return key;
  const message = 'must be 1 to 255 visible ASCII characters';
  throw invalid([{ code: 'custom', path: ['Idempotency-Key'], message }]);
}
