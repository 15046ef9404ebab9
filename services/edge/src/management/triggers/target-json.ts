import { create } from '@bufbuild/protobuf';
import {
  type Endpoint,
  NatsTargetSchema,
  TemporalTargetSchema,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { boundedText } from '../../request/json-types.ts';
import {
  changedHttpFields,
  httpTargetChanges,
  httpTargetFields,
  httpTargetJson,
  shownHttpTarget,
  toHttpTarget,
} from '../webhooks/webhook-json.ts';

const MAX_TEMPORAL_CHARS = 200;
const temporalName = boundedText(1, MAX_TEMPORAL_CHARS);

const temporal = z
  .strictObject({
    kind: z.literal('temporal'),
    namespace: temporalName,
    taskQueue: temporalName,
    workflowType: temporalName,
    signal: boundedText(0, MAX_TEMPORAL_CHARS)
      .describe('Signal the workflow, and start it when it does not run; empty to start one for each event')
      .default(''),
    workflowIdPath: boundedText(0, MAX_TEMPORAL_CHARS)
      .describe(
        'Where in the event the workflow’s id stands, such as `payload.orderId`; empty for the event’s id',
      )
      .default(''),
  })
  .meta({ id: 'NewTemporalTarget' });

const shownTemporal = z
  .strictObject({
    kind: z.literal('temporal'),
    namespace: z.string(),
    taskQueue: z.string(),
    workflowType: z.string(),
    signal: z.string(),
    workflowIdPath: z.string(),
  })
  .meta({ id: 'TemporalTarget' });

const nats = z
  .strictObject({
    kind: z.literal('nats'),
    queue: boundedText(1, 64, {
      expression: /^[A-Za-z0-9_-]*$/,
      message: 'must hold only letters, digits, "-" and "_"',
    }).describe('Events go to `deliveries.<workspace>.<queue>` of the stream `DELIVERIES`'),
  })
  .meta({ id: 'NatsTarget' });

const kinds = { error: 'must be http, temporal or nats' };

/** What a new trigger drives. */
export const newTarget = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('http'), ...httpTargetFields }).meta({ id: 'NewHttpTarget' }),
    temporal,
    nats,
  ],
  kinds,
);

/** What a change says of a target: of `http` the fields that change, of another the whole. */
export const targetChange = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('http'), ...httpTargetChanges }).meta({ id: 'HttpTargetChanges' }),
    temporal,
    nats,
  ],
  kinds,
);

/** What answers say of a target. */
export const target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('http'), ...shownHttpTarget }).meta({ id: 'HttpTarget' }),
  shownTemporal,
  nats,
]);

/** A target in JSON. */
export function targetJson({ target: { case: kind, value } }: Endpoint): z.output<typeof target> {
  switch (kind) {
    case 'http':
      return { kind, ...httpTargetJson(value) };
    case 'temporal': {
      const { namespace, taskQueue, workflowType, signal, workflowIdPath } = value;
      return { kind, namespace, taskQueue, workflowType, signal, workflowIdPath };
    }
    case 'nats':
      return { kind, queue: value.queue };
    default:
      throw new MillraceError('internal', 'an endpoint without a target');
  }
}

/** A body's target in the contract's terms. */
export function toTarget(json: z.output<typeof targetChange>): Endpoint['target'] {
  if (json.kind === 'http') return toHttpTarget(json);
  if (json.kind === 'nats') return { case: 'nats', value: create(NatsTargetSchema, { queue: json.queue }) };
  const { kind, ...value } = json;
  return { case: kind, value: create(TemporalTargetSchema, value) };
}

/** Which fields of an endpoint a body's target changes, by the contract's names. */
export function changedTarget(json: z.output<typeof targetChange> | undefined): string[] {
  if (json === undefined) return [];
  return json.kind === 'http' ? changedHttpFields(json) : [json.kind];
}
