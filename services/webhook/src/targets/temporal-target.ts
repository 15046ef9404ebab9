import type { Targets } from '../engine/attempts.ts';

/** Fails: this installation has no Temporal. */
export function noTemporal(): Targets['attempt'] {
  return async () => ({
    kind: 'failed',
    status: 0,
    error: 'this installation has no Temporal server: TEMPORAL_ADDRESS is not set',
    response: Buffer.alloc(0),
    address: '',
    tookMs: 0,
  });
}
