import type {
  CreateEndpointRequest,
  ListEndpointsRequest,
  UpdateEndpointRequest,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { type Clock, fieldError, MillraceError, type Seal } from '@millrace/runtime';
import type { AuditLog, NewAuditEntry, Records, Versioned } from '@millrace/stores';
import { changedEndpoint } from './change-endpoint.ts';
import type { Disabling, EndpointRecord } from './endpoint-record.ts';
import { readSettings, readTarget, type TargetRules, type TargetSettings } from './endpoint-rules.ts';
import { makeSecret, OVERLAP_MS, rotated } from './endpoint-secrets.ts';

/** Who asks for a change, and whose endpoints are meant. */
export interface EndpointCaller {
  readonly workspaceId: string;
  readonly actor: NewAuditEntry['actor'];
}

/** What endpoints are managed with. */
export interface EndpointDeps {
  readonly endpoints: Records<EndpointRecord>;
  readonly seal: Seal;
  readonly allows: TargetRules;
  /** The last sequence of the stream that was given out. */
  readonly lastSeq: () => Promise<number>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Endpoints that a workspace may have. */
  readonly maxPerWorkspace: number;
}

const PAGE = 50;
const MAX_PAGE = 200;
const ATTEMPTS = 10;

/** Makes an endpoint; returns when it is in the audit log. Throws MillraceError, `invalid_argument` naming the field. */
export async function createEndpoint(
  deps: EndpointDeps,
  caller: EndpointCaller,
  { endpoint }: CreateEndpointRequest,
): Promise<{ record: EndpointRecord; secret: string }> {
  if (endpoint === undefined) throw fieldError('endpoint', 'is required');
  const { clock, endpoints } = deps;
  const { workspaceId } = caller;
  const settings = readSettings(endpoint);
  const target = readTarget(endpoint, deps.allows);
  if (endpointsOf(deps, workspaceId).length >= deps.maxPerWorkspace) {
    const message = `a workspace has at most ${deps.maxPerWorkspace} endpoints and triggers`;
    throw new MillraceError('resource_exhausted', message);
  }
  const id = deps.newId();
  const nowMs = clock.now();
  const made = withSecrets(deps, id, target, nowMs);
  const record: EndpointRecord = {
    ...{ id, workspaceId, target: made.target },
    ...settings,
    ...(!endpoint.active && { disabled: 'owner' as const }),
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    fromSeq: await deps.lastSeq(),
  };
  const outcome = await endpoints.create(id, record);
  if (outcome.kind !== 'written') throw new MillraceError('aborted', 'an endpoint with this id exists');
  await audit(deps, caller, {
    action: 'created',
    id,
    details: { target: target.kind, events: record.events },
  });
  return { record, secret: made.secret };
}

function withSecrets(deps: EndpointDeps, id: string, target: TargetSettings, nowMs: number) {
  if (target.kind !== 'http') return { target, secret: '' };
  const { secret, shown, publicKey } = makeSecret(deps.seal, { id, signature: target.signature }, nowMs);
  return {
    target: { ...target, secrets: [secret], ...(publicKey !== undefined && { publicKey }) },
    // With Ed25519 there is nothing to keep secret: the public key is in the endpoint.
    secret: publicKey === undefined ? shown : '',
  };
}

/** A page of a workspace's endpoints, the oldest first. */
export function listEndpoints(
  deps: Pick<EndpointDeps, 'endpoints'>,
  { workspaceId }: Pick<EndpointCaller, 'workspaceId'>,
  { pageSize, pageToken }: Pick<ListEndpointsRequest, 'pageSize' | 'pageToken'>,
): { records: EndpointRecord[]; nextPageToken: string } {
  if (pageSize > MAX_PAGE) throw fieldError('page_size', `at most ${MAX_PAGE}`);
  // Ids grow with time: the last one shown is where the next page begins.
  const rest = endpointsOf(deps, workspaceId)
    .filter(({ id }) => id > pageToken)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const records = rest.slice(0, pageSize || PAGE);
  return { records, nextPageToken: rest.length > records.length ? (records.at(-1)?.id ?? '') : '' };
}

/** One endpoint of a workspace, from memory. Throws MillraceError `not_found`. */
export function findEndpoint(
  { endpoints }: Pick<EndpointDeps, 'endpoints'>,
  { workspaceId }: Pick<EndpointCaller, 'workspaceId'>,
  id: string,
): EndpointRecord {
  return owned(endpoints.get(id), workspaceId).value;
}

/** Changes what is named. Throws MillraceError, `invalid_argument` naming the field. */
export async function updateEndpoint(
  deps: EndpointDeps,
  caller: EndpointCaller,
  { endpoint, fields }: UpdateEndpointRequest,
): Promise<EndpointRecord> {
  if (endpoint === undefined) throw fieldError('endpoint', 'is required');
  const record = await change(deps, caller, endpoint.id, (current) =>
    changedEndpoint(current, { endpoint, fields }, deps),
  );
  await audit(deps, caller, { action: 'updated', id: record.id, details: { fields } });
  return record;
}

/** Removes an endpoint; what is under way ends. Throws MillraceError `not_found`. */
export async function deleteEndpoint(deps: EndpointDeps, caller: EndpointCaller, id: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { revision } = owned(await deps.endpoints.read(id), caller.workspaceId);
    const outcome = await deps.endpoints.remove(id, revision);
    if (outcome.kind === 'written') return audit(deps, caller, { action: 'deleted', id });
  }
  throw busy();
}

/** Makes a new secret; the one before it signs beside it for a day. Throws MillraceError. */
export async function rotateSecret(
  deps: EndpointDeps,
  caller: EndpointCaller,
  id: string,
): Promise<{ secret: string; previousUntilMs: number }> {
  const nowMs = deps.clock.now();
  let shown = '';
  await change(deps, caller, id, (current) => {
    const { target } = current;
    if (target.kind !== 'http')
      throw new MillraceError('failed_precondition', 'only endpoints that are called by HTTP have a secret');
    const made = makeSecret(deps.seal, { id, signature: target.signature }, nowMs);
    shown = made.shown;
    const { publicKey } = made;
    const secrets = rotated(target.secrets, made.secret, nowMs);
    return { ...current, target: { ...target, secrets, ...(publicKey !== undefined && { publicKey }) } };
  });
  await audit(deps, caller, { action: 'secret_rotated', id });
  return { secret: shown, previousUntilMs: nowMs + OVERLAP_MS };
}

/** Disables an endpoint that is gone or fails for long, unless somebody has changed it meanwhile. Its owners have yet to be told. */
export async function disableEndpoint(
  deps: Pick<EndpointDeps, 'endpoints' | 'audit' | 'clock'>,
  { id, workspaceId, updatedAtMs }: EndpointRecord,
  { reason, failingSinceMs }: Pick<Disabling, 'reason' | 'failingSinceMs'>,
): Promise<boolean> {
  const stored = await deps.endpoints.read(id);
  if (stored === undefined || stored.value.disabled !== undefined) return false;
  if (stored.value.updatedAtMs !== updatedAtMs) return false;
  const nowMs = deps.clock.now();
  const untold = { reason, failingSinceMs, disabledAtMs: nowMs };
  const record: EndpointRecord = { ...stored.value, disabled: reason, untold, updatedAtMs: nowMs };
  const outcome = await deps.endpoints.update(id, record, stored.revision);
  if (outcome.kind !== 'written') return false;
  const actor = { userId: '', credentialId: '', ipAddress: '', requestId: '' };
  await audit(deps, { workspaceId, actor }, { action: 'disabled', id, details: { reason } });
  return true;
}

async function change(
  deps: EndpointDeps,
  { workspaceId }: EndpointCaller,
  id: string,
  next: (current: EndpointRecord) => EndpointRecord,
): Promise<EndpointRecord> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { value, revision } = owned(await deps.endpoints.read(id), workspaceId);
    const record = { ...next(value), updatedAtMs: deps.clock.now() };
    const outcome = await deps.endpoints.update(id, record, revision);
    if (outcome.kind === 'written') return record;
  }
  throw busy();
}

/** A workspace's endpoints, in no order. */
export function endpointsOf(
  { endpoints }: Pick<EndpointDeps, 'endpoints'>,
  workspaceId: string,
): EndpointRecord[] {
  return [...endpoints.entries()].flatMap(([, { value }]) =>
    value.workspaceId === workspaceId ? [value] : [],
  );
}

function owned(
  stored: Versioned<EndpointRecord> | undefined,
  workspaceId: string,
): Versioned<EndpointRecord> {
  if (stored === undefined || stored.value.workspaceId !== workspaceId)
    throw new MillraceError('not_found', 'no such endpoint');
  return stored;
}

function busy(): MillraceError {
  return new MillraceError('aborted', 'the endpoint is being changed by others, try again');
}

function audit(
  deps: Pick<EndpointDeps, 'audit'>,
  { workspaceId, actor }: EndpointCaller,
  entry: { action: string; id: string; details?: Readonly<Record<string, unknown>> },
): Promise<void> {
  return deps.audit.record({
    ...{ workspaceId, actor },
    action: `endpoint.${entry.action}`,
    outcome: 'succeeded',
    target: { type: 'endpoint', id: entry.id },
    ...(entry.details && { details: entry.details }),
  });
}
