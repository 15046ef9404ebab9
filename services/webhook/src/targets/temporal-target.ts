import type { Clock } from '@millrace/runtime';
import { memberAt, parseField } from '@millrace/wire';
import type { EndpointTarget } from '../endpoints/endpoint-record.ts';
import type { Delivery } from '../engine/delivery.ts';
import type { TemporalServer } from '../temporal/temporal-server.ts';
import type { AttemptResult, Targets } from './target.ts';

type TemporalTarget = Extract<EndpointTarget, { kind: 'temporal' }>;

/** Temporal's own limit. */
const MAX_WORKFLOW_ID_CHARS = 1_000;
const NO_BYTES = Buffer.alloc(0);

/** Starts and signals workflows, one for each delivery however often it is attempted. */
export function createTemporalTarget(options: {
  /** Undefined where the installation has none. */
  server: TemporalServer | undefined;
  clock: Clock;
}): Targets['attempt'] {
  const { server, clock } = options;
  return async ({ record: { target } }, delivery) => {
    if (target.kind !== 'temporal') throw new TypeError('not an endpoint that starts workflows');
    const began = clock.monotonic();
    const result = (kind: AttemptResult['kind'], error: string, response = NO_BYTES): AttemptResult => ({
      ...{ kind, error, response, status: 0, address: '' },
      tookMs: clock.monotonic() - began,
    });
    if (server === undefined)
      return result('failed', 'this installation has no Temporal server: TEMPORAL_ADDRESS is not set');
    const refusal = server.refusalOf(target.namespace);
    if (refusal !== undefined) return result('failed', `${target.namespace} ${refusal}`);
    const named = workflowIdOf(target, delivery);
    if ('issue' in named) return result('failed', named.issue);
    const { workflowId } = named;
    const outcome = await server.run({
      ...target,
      workflowId,
      requestId: delivery.id,
      // An id of its own is used once; one that events share stands for what goes on for as long as it takes.
      mayFollow: target.workflowIdPath !== '',
      argument: argumentOf(delivery),
      memo: { deliveryId: delivery.id, eventType: delivery.event.fields.eventType },
    });
    if (outcome.kind === 'refused') return result('failed', outcome.reason);
    const { runId } = outcome;
    const started = { workflowId, ...(runId !== '' && { runId }) };
    return result('delivered', '', Buffer.from(JSON.stringify(started)));
  };
}

type Attempted = Pick<Delivery, 'id' | 'event'>;

/** The body that is posted to URLs, with the ids that their headers have; `data` is the payload byte for byte. */
function argumentOf({ id, event }: Attempted): Buffer {
  const { body, fields } = event;
  const ids = `,"id":${JSON.stringify(id)},"eventId":${JSON.stringify(fields.eventId)}}`;
  return Buffer.concat([body.subarray(0, -1), Buffer.from(ids)]);
}

function workflowIdOf(
  { workflowIdPath }: TemporalTarget,
  { id, event }: Attempted,
): { workflowId: string } | { issue: string } {
  if (workflowIdPath === '') return { workflowId: id };
  const field = parseField(workflowIdPath, 'temporal.workflow_id_path');
  if (field.kind !== 'path') throw new TypeError('not a path into payload or metadata');
  const value = memberAt(readJson(event.fields[field.column]), field.keys);
  const workflowId = value instanceof NumberText ? value.text : value;
  if (typeof workflowId !== 'string')
    return { issue: `${workflowIdPath} is no text or number, and names no workflow` };
  if (workflowId === '' || workflowId.length > MAX_WORKFLOW_ID_CHARS || !workflowId.isWellFormed())
    return {
      issue: `${workflowIdPath} must have 1 to ${MAX_WORKFLOW_ID_CHARS} characters to name a workflow`,
    };
  return { workflowId };
}

/** A number as it is written: ids may be longer than a double holds. */
class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Undefined for what is no JSON. */
function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'), (_, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' ? new NumberText(context?.source ?? String(value)) : value,
    );
  } catch {
    // The attempt says that it found no value.
    return undefined;
  }
}
