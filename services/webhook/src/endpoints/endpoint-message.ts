import { create, fromJson, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DisabledReason,
  type Endpoint,
  EndpointSchema,
  NamedRetryPolicy,
  SignatureScheme,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { type EndpointRecord, type EndpointTarget, failingSince } from './endpoint-record.ts';

const REASONS = {
  owner: DisabledReason.OWNER,
  gone: DisabledReason.GONE,
  failing: DisabledReason.FAILING,
} as const;

type EndpointInit = MessageInitShape<typeof EndpointSchema>;

/** An endpoint in the public API's words; never a secret. `notedMs` is since when nothing has succeeded as far as is written down, 0 while it works. */
export function endpointMessage(record: EndpointRecord, notedMs: number): Endpoint {
  const failingSinceMs = failingSince(record, notedMs);
  const { id, events, description, rateLimit, maxInFlight, ordered, filter, disabled } = record;
  return create(EndpointSchema, {
    ...{ id, events, description, rateLimit, maxInFlight, ordered },
    target: targetMessage(record.target),
    ...(filter !== undefined && { filter: fromJson(FilterSchema, filter) }),
    active: disabled === undefined,
    retryPolicy: policyMessage(record.retryPolicy),
    createdAt: timestampFromMs(record.createdAtMs),
    updatedAt: timestampFromMs(record.updatedAtMs),
    disabledReason: disabled === undefined ? DisabledReason.UNSPECIFIED : REASONS[disabled],
    ...(failingSinceMs > 0 && { failingSince: timestampFromMs(failingSinceMs) }),
  });
}

function targetMessage(target: EndpointTarget): NonNullable<EndpointInit['target']> {
  switch (target.kind) {
    case 'http': {
      const { url, headers, publicKey = '' } = target;
      const signature =
        target.signature === 'ed25519' ? SignatureScheme.ED25519 : SignatureScheme.HMAC_SHA256;
      return { case: 'http', value: { url, headers, signature, publicKey } };
    }
    case 'temporal': {
      const { kind: _, ...value } = target;
      return { case: 'temporal', value };
    }
    case 'nats':
      return { case: 'nats', value: { queue: target.queue } };
  }
}

function policyMessage(policy: EndpointRecord['retryPolicy']): NonNullable<EndpointInit['retryPolicy']> {
  if (policy.kind !== 'custom') {
    const named = policy.kind === 'fast' ? NamedRetryPolicy.FAST : NamedRetryPolicy.STANDARD;
    return { schedule: { case: 'named', value: named } };
  }
  const delays = policy.delaysMs.map((delayMs) => durationFromMs(delayMs));
  return { schedule: { case: 'custom', value: { delays } } };
}
