import type { AttemptRow } from '@millrace/stores';

/** When attempts were made, unless a test says otherwise: within the 90 days that rows are kept. */
export const ATTEMPTED_AT_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 7 * 86_400_000;

/** An attempt that succeeded, but for what is given. */
export function attemptRow(given: Partial<AttemptRow> = {}): AttemptRow {
  return {
    ...{
      workspaceId: 'w1',
      endpointId: 'endpoint',
      deliveryId: 'dlv_1',
      eventId: 'event',
      eventType: 'kind',
    },
    ...{ userId: 'user', createdAtMs: ATTEMPTED_AT_MS, receivedAtMs: ATTEMPTED_AT_MS - 1_000, attempt: 1 },
    ...{ startedAtMs: given.createdAtMs ?? ATTEMPTED_AT_MS, tookMs: 25, httpStatus: 200, error: '' },
    ...{ response: Buffer.from('fine'), address: '198.51.100.7:443', url: 'https://example.org/hook' },
    ...{ cause: 'event', deliveryStatus: 'sent', nextAttemptAtMs: undefined, shard: 1_000, seq: 1, index: 0 },
    ...given,
  };
}
