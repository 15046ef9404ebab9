import type { Endpoint } from '@millrace/contracts/millrace/api/v1/webhook';
import { z } from 'zod';
import {
  endpointChanges,
  endpointFields,
  endpointJson,
  newEndpointFields,
} from '../webhooks/endpoint-json.ts';
import { shownSecret } from '../webhooks/webhook-json.ts';
import { newTarget, target, targetChange, targetJson } from './target-json.ts';

/** Body of `POST /v1/triggers`. Strict, because a misspelt `filter` must not set off everything. */
export const newTriggerBody = z.strictObject({ target: newTarget, ...newEndpointFields }).meta({
  id: 'NewTrigger',
  examples: [
    {
      events: ['order.placed'],
      filter: { field: 'payload.total', gte: 100 },
      target: { kind: 'temporal', namespace: 'default', taskQueue: 'orders', workflowType: 'fulfil' },
    },
  ],
});

/** Body of `PATCH /v1/triggers/:id`: what is absent stays as it is. */
export const triggerChangesBody = z
  .strictObject({ target: targetChange.optional(), ...endpointChanges })
  .refine((changes) => Object.keys(changes).length > 0, 'There must be at least one field to change')
  .refine(({ target }) => target?.kind !== 'http' || Object.keys(target).length > 1, {
    path: ['target'],
    message: 'There must be at least one field to change beside kind',
  })
  .meta({ id: 'TriggerChanges' });

/** A trigger. */
export const trigger = z.strictObject({ id: z.string(), target, ...endpointFields }).meta({ id: 'Trigger' });

/** A new one, with its secret where it is called by HTTP. */
export const newTrigger = trigger.extend({ secret: shownSecret }).meta({ id: 'CreatedTrigger' });

/** A page of triggers. */
export const triggerPage = z
  .strictObject({ triggers: z.array(trigger), nextCursor: z.string().nullable() })
  .meta({ id: 'TriggerPage' });

/** An endpoint with whatever target, as a trigger. */
export function triggerJson(endpoint: Endpoint): z.output<typeof trigger> {
  return { id: endpoint.id, target: targetJson(endpoint), ...endpointJson(endpoint) };
}
