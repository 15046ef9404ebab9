import { toJson } from '@bufbuild/protobuf';
import { type Endpoint, SignatureScheme } from '@millrace/contracts/millrace/api/v1/webhook';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { compileEventFilter, parseField } from '@millrace/wire';
import { readRetryPolicy } from '../engine/retry-schedule.ts';
import { checkEventPatterns } from '../matching/event-patterns.ts';
import { checkHeaders } from './custom-headers.ts';
import type { EndpointRecord, HttpEndpointTarget } from './endpoint-record.ts';

/** What an owner says of an endpoint, as it is stored. */
export type EndpointSettings = Pick<
  EndpointRecord,
  'events' | 'filter' | 'description' | 'rateLimit' | 'maxInFlight' | 'ordered' | 'retryPolicy'
>;

/** What an owner says of a target: an HTTP one is given its secrets by us. */
export type TargetSettings =
  | Omit<HttpEndpointTarget, 'secrets' | 'publicKey'>
  | Exclude<EndpointRecord['target'], HttpEndpointTarget>;

/** What the installation allows targets to be. */
export interface TargetRules {
  /** The URL as it is stored, or why it may not be. */
  url(url: string): { readonly url: string } | { readonly issue: string };
  /** Undefined where there is no Temporal server. Its namespaces: why one may not be named, or undefined. */
  readonly temporal: { namespace(name: string): string | undefined } | undefined;
}

const MAX_DESCRIPTION_CHARS = 500;
const MAX_RATE = 10_000;
const MAX_IN_FLIGHT = 100;
const DEFAULT_IN_FLIGHT = 10;
const MAX_NAME_CHARS = 200;
const QUEUE = /^[A-Za-z0-9_-]{1,64}$/;
const PATH = /^(payload|metadata)(\.|\[)/;

/** Reads everything but the target. Throws MillraceError `invalid_argument` naming the field. */
export function readSettings(endpoint: Endpoint): EndpointSettings {
  const { events, filter, description, rateLimit, maxInFlight, ordered } = endpoint;
  checkEventPatterns(events);
  if (filter !== undefined) compileEventFilter(filter);
  if ([...description].length > MAX_DESCRIPTION_CHARS)
    throw fieldError('description', `at most ${MAX_DESCRIPTION_CHARS} characters`);
  if (!(rateLimit >= 0 && rateLimit <= MAX_RATE) || (rateLimit > 0 && rateLimit < 0.001))
    throw fieldError('rate_limit', `must be 0, or 0.001 to ${MAX_RATE} a second`);
  if (maxInFlight > MAX_IN_FLIGHT) throw fieldError('max_in_flight', `must be 1 to ${MAX_IN_FLIGHT}`);
  const policy = readRetryPolicy(endpoint.retryPolicy);
  return {
    events: [...events],
    ...(filter !== undefined && { filter: toJson(FilterSchema, filter) as EndpointRecord['filter'] }),
    ...{ description, rateLimit, ordered },
    maxInFlight: maxInFlight || DEFAULT_IN_FLIGHT,
    retryPolicy: policy.kind === 'custom' ? { kind: 'custom', delaysMs: [...policy.delaysMs] } : policy,
  };
}

/** Reads the target. Throws MillraceError `invalid_argument` naming the field. */
export function readTarget(endpoint: Endpoint, allows: TargetRules): TargetSettings {
  const { target } = endpoint;
  switch (target.case) {
    case 'http': {
      const judged = allows.url(target.value.url);
      if ('issue' in judged) throw fieldError('http.url', judged.issue);
      checkHeaders(target.value.headers, 'http.headers');
      return {
        kind: 'http',
        url: judged.url,
        headers: { ...target.value.headers },
        signature: target.value.signature === SignatureScheme.ED25519 ? 'ed25519' : 'hmac-sha256',
      };
    }
    case 'temporal': {
      if (allows.temporal === undefined)
        throw fieldError('temporal', 'can not be: this installation has no Temporal server');
      const { namespace, taskQueue, workflowType, signal, workflowIdPath } = target.value;
      const names = { namespace, task_queue: taskQueue, workflow_type: workflowType };
      for (const [name, value] of Object.entries(names)) checkName(`temporal.${name}`, value, 1);
      checkName('temporal.signal', signal, 0);
      checkName('temporal.workflow_id_path', workflowIdPath, 0);
      if (workflowIdPath !== '' && !PATH.test(workflowIdPath))
        throw fieldError('temporal.workflow_id_path', 'must be a path into payload or metadata');
      if (workflowIdPath !== '') parseField(workflowIdPath, 'temporal.workflow_id_path');
      const issue = allows.temporal.namespace(namespace);
      if (issue !== undefined) throw fieldError('temporal.namespace', issue);
      return { kind: 'temporal', namespace, taskQueue, workflowType, signal, workflowIdPath };
    }
    case 'nats':
      if (!QUEUE.test(target.value.queue))
        throw fieldError('nats.queue', 'must have 1 to 64 letters, digits, - and _');
      return { kind: 'nats', queue: target.value.queue };
    default:
      throw fieldError('target', 'needs one of http, temporal and nats');
  }
}

function checkName(field: string, value: string, least: number): void {
  if (value.length >= least && value.length <= MAX_NAME_CHARS && /^\P{Cc}*$/u.test(value)) return;
  throw fieldError(field, `must have ${least} to ${MAX_NAME_CHARS} characters`);
}
