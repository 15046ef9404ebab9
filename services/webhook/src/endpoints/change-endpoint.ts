import type { Endpoint } from '@millrace/contracts/millrace/api/v1/webhook';
import { type Clock, fieldError, type Seal } from '@millrace/runtime';
import { endpointMessage } from './endpoint-message.ts';
import type { EndpointRecord, HttpEndpointTarget } from './endpoint-record.ts';
import { readSettings, readTarget, type TargetRules } from './endpoint-rules.ts';
import { makeSecret } from './endpoint-secrets.ts';

const SETTINGS = [
  'events',
  'filter',
  'description',
  'rate_limit',
  'max_in_flight',
  'ordered',
  'retry_policy',
] as const;
const HTTP = ['http.url', 'http.headers', 'http.signature'] as const;
const TARGETS = ['http', 'temporal', 'nats'] as const;

/**
 * An endpoint with the fields that are named as a request has them; it is judged as a whole. Throws MillraceError `invalid_argument`
 * naming the field. The kind of a target doesn't change: what is on its way to one is not for another.
 */
export function changedEndpoint(
  current: EndpointRecord,
  { endpoint, fields }: { endpoint: Endpoint; fields: readonly string[] },
  deps: { readonly allows: TargetRules; readonly seal: Seal; readonly clock: Clock },
): EndpointRecord {
  if (fields.length === 0) throw fieldError('fields', 'must name what is changed');
  const named = new Set(fields);
  const known = new Set<string>([...SETTINGS, ...HTTP, ...TARGETS, 'active']);
  for (const field of named)
    if (!known.has(field)) throw fieldError('fields', `${field.slice(0, 64)} can not be changed`);
  const whole = endpointMessage(current, 0);
  if (named.has('events')) whole.events = endpoint.events;
  if (named.has('filter')) {
    if (endpoint.filter === undefined) delete whole.filter;
    else whole.filter = endpoint.filter;
  }
  if (named.has('description')) whole.description = endpoint.description;
  if (named.has('rate_limit')) whole.rateLimit = endpoint.rateLimit;
  if (named.has('max_in_flight')) whole.maxInFlight = endpoint.maxInFlight;
  if (named.has('ordered')) whole.ordered = endpoint.ordered;
  if (named.has('retry_policy')) {
    if (endpoint.retryPolicy === undefined) delete whole.retryPolicy;
    else whole.retryPolicy = endpoint.retryPolicy;
  }
  const { disabled, filter: _, ...rest } = current;
  const isActive = named.has('active') ? endpoint.active : disabled === undefined;
  const reason = isActive ? undefined : (disabled ?? 'owner');
  return {
    ...rest,
    ...readSettings(whole),
    ...(reason !== undefined && { disabled: reason }),
    ...(isActive && disabled !== undefined && { activatedAtMs: deps.clock.now() }),
    target: changedTarget(current, endpoint, named, deps),
  };
}

function changedTarget(
  { id, target }: EndpointRecord,
  endpoint: Endpoint,
  named: ReadonlySet<string>,
  { allows, seal, clock }: { readonly allows: TargetRules; readonly seal: Seal; readonly clock: Clock },
): EndpointRecord['target'] {
  const whole = TARGETS.find((kind) => named.has(kind));
  const parts = HTTP.filter((part) => named.has(part));
  if (whole === undefined && parts.length === 0) return target;
  const kind = whole ?? 'http';
  if (kind !== target.kind)
    throw fieldError(kind, `the endpoint's target is ${target.kind}, and stays of that kind`);
  if (endpoint.target.case !== kind) throw fieldError(kind, 'is named and not given');
  if (target.kind !== 'http' || endpoint.target.case !== 'http') {
    const other = readTarget(endpoint, allows);
    return other.kind === 'http' ? target : other;
  }
  const asked = endpoint.target.value;
  const before = endpointMessageOf(target);
  const value = {
    ...asked,
    url: whole || named.has('http.url') ? asked.url : before.url,
    headers: whole || named.has('http.headers') ? asked.headers : before.headers,
  };
  const read = readTarget({ ...endpoint, target: { case: 'http', value } }, allows);
  if (read.kind !== 'http') return target;
  const signature = whole || named.has('http.signature') ? read.signature : target.signature;
  return withSignature(seal, id, { ...target, url: read.url, headers: read.headers }, signature, clock.now());
}

function endpointMessageOf({ url, headers }: HttpEndpointTarget) {
  return { url, headers: { ...headers } };
}

/** Another scheme needs another key: its first is made at once, and shown by a rotation. */
function withSignature(
  seal: Seal,
  id: string,
  target: HttpEndpointTarget,
  signature: HttpEndpointTarget['signature'],
  nowMs: number,
): HttpEndpointTarget {
  if (signature === target.signature) return target;
  const { secret, publicKey } = makeSecret(seal, { id, signature }, nowMs);
  const { publicKey: _, ...rest } = target;
  return { ...rest, signature, secrets: [secret], ...(publicKey !== undefined && { publicKey }) };
}
