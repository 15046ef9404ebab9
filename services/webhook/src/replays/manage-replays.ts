import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { StartReplayRequest } from '@millrace/contracts/millrace/api/v1/webhook';
import { type Clock, fieldError, MillraceError, wholeMs } from '@millrace/runtime';
import type { AuditLog, Records } from '@millrace/stores';
import type { EndpointCaller } from '../endpoints/manage-endpoints.ts';
import type { ReplayRecord } from './replay-record.ts';

/** What replays are managed with. */
export interface ReplayDeps {
  readonly replays: Records<ReplayRecord>;
  /** Throws MillraceError `not_found` for an endpoint that isn't the workspace's. */
  readonly requireEndpoint: (caller: Pick<EndpointCaller, 'workspaceId'>, id: string) => void;
  readonly lastSeq: () => Promise<number>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly newId: () => string;
}

const ATTEMPTS = 10;

/** Asks for a replay; whoever serves the endpoint works it off. Throws MillraceError, `invalid_argument` naming the field. */
export async function startReplay(
  deps: ReplayDeps,
  caller: EndpointCaller,
  { endpointId, since, failedOnly }: StartReplayRequest,
): Promise<ReplayRecord> {
  deps.requireEndpoint(caller, endpointId);
  if (since === undefined) throw fieldError('since', 'is required');
  wholeMs(since, 'since');
  const nowMs = deps.clock.now();
  const sinceMs = timestampMs(since);
  if (sinceMs > nowMs) throw fieldError('since', 'must be in the past');
  if (replaysOf(deps, endpointId).some(({ status }) => status === 'running'))
    throw new MillraceError('failed_precondition', 'the endpoint has a replay that is not over');
  const { workspaceId } = caller;
  const record: ReplayRecord = {
    ...{ id: deps.newId(), workspaceId, endpointId, sinceMs, failedOnly, status: 'running' },
    ...{ attempted: 0, failed: 0, fromSeq: 0, position: { seq: 0, index: 0 } },
    untilSeq: await deps.lastSeq(),
    createdAtMs: nowMs,
  };
  const outcome = await deps.replays.create(record.id, record);
  if (outcome.kind !== 'written') throw new MillraceError('aborted', 'a replay with this id exists');
  await audit(deps, caller, 'replay_started', record);
  return record;
}

/** An endpoint's replays, the newest first. Throws MillraceError `not_found`. */
export function listReplays(
  deps: Pick<ReplayDeps, 'replays' | 'requireEndpoint'>,
  caller: Pick<EndpointCaller, 'workspaceId'>,
  endpointId: string,
): ReplayRecord[] {
  deps.requireEndpoint(caller, endpointId);
  return replaysOf(deps, endpointId);
}

/** Ends a replay; one that is over stays as it is. Throws MillraceError `not_found`. */
export async function cancelReplay(
  deps: ReplayDeps,
  caller: EndpointCaller,
  id: string,
): Promise<ReplayRecord> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await deps.replays.read(id);
    if (stored === undefined || stored.value.workspaceId !== caller.workspaceId)
      throw new MillraceError('not_found', 'no such replay');
    if (stored.value.status !== 'running') return stored.value;
    const record: ReplayRecord = { ...stored.value, status: 'canceled', finishedAtMs: deps.clock.now() };
    const outcome = await deps.replays.update(id, record, stored.revision);
    if (outcome.kind !== 'written') continue;
    await audit(deps, caller, 'replay_canceled', record);
    return record;
  }
  throw new MillraceError('aborted', 'the replay is being changed by others, try again');
}

function replaysOf({ replays }: Pick<ReplayDeps, 'replays'>, endpointId: string): ReplayRecord[] {
  const all = [...replays.entries()].map(([, { value }]) => value);
  return all.filter((one) => one.endpointId === endpointId).sort((a, b) => (a.id < b.id ? 1 : -1));
}

function audit(
  { audit: log }: Pick<ReplayDeps, 'audit'>,
  { workspaceId, actor }: EndpointCaller,
  action: string,
  { id, endpointId, sinceMs, failedOnly }: ReplayRecord,
): Promise<void> {
  return log.record({
    ...{ workspaceId, actor, outcome: 'succeeded' },
    action: `endpoint.${action}`,
    target: { type: 'endpoint', id: endpointId },
    details: { replayId: id, since: new Date(sinceMs).toISOString(), failedOnly },
  });
}
