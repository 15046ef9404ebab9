import { type Replay, ReplayStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { timestamp } from '../../request/json-types.ts';
import { codeIn, instant } from '../../request/response.ts';

const STATUSES = {
  [ReplayStatus.UNSPECIFIED]: 'running',
  [ReplayStatus.RUNNING]: 'running',
  [ReplayStatus.DONE]: 'done',
  [ReplayStatus.CANCELED]: 'canceled',
} as const satisfies Record<ReplayStatus, string>;

/** From when on events are delivered again. */
export const replayBody = z
  .strictObject({ since: timestamp().describe('Events that arrived from then on') })
  .meta({ id: 'NewWebhookReplay', examples: [{ since: '2024-01-30T12:00:00Z' }] });

/** A replay. */
export const replay = z
  .strictObject({
    id: z.string(),
    endpointId: z.string(),
    since: instant().nullable(),
    failedOnly: z.boolean(),
    status: codeIn(STATUSES),
    attempted: z.int().describe('Deliveries that were attempted'),
    failed: z.int().describe('Those of them that did not succeed'),
    progress: z.number().min(0).max(1).describe('The part of the events that it has passed'),
    createdAt: instant().nullable(),
    finishedAt: instant().nullable(),
  })
  .meta({ id: 'WebhookReplay' });

/** Those of an endpoint. */
export const replayList = z.array(replay);

/** A replay in JSON. */
export function replayJson(one: Replay): z.output<typeof replay> {
  return {
    id: one.id,
    endpointId: one.endpointId,
    since: isoTime(one.since),
    failedOnly: one.failedOnly,
    status: STATUSES[one.status],
    attempted: Number(one.attempted),
    failed: Number(one.failed),
    progress: one.progress,
    createdAt: isoTime(one.createdAt),
    finishedAt: isoTime(one.finishedAt),
  };
}
