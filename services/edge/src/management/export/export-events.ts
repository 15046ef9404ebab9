import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ExportFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import type { ApiDeps } from '../../request/api.ts';
import { RequestFailure } from '../../server/failure.ts';
import { auditActor, type Requester } from '../actor.ts';

/** Which events, and how they are written. */
export interface ExportRequest {
  readonly format: 'ndjson' | 'parquet';
  /** Empty for everybody's. */
  readonly userId: string;
  /** Received at or after, in milliseconds since 1970. */
  readonly fromMs: number | undefined;
  /** Received before; now if not told. */
  readonly toMs: number | undefined;
}

/** When a workspace that has too many exports may come again, in seconds. */
export const RETRY_AFTER_SECONDS = 10;

const FORMATS = { ndjson: ExportFormat.UNSPECIFIED, parquet: ExportFormat.PARQUET } as const;

/**
 * A workspace's or a user's events as a file in pieces, whichever way it is asked. The first piece, an empty one, comes when nothing can be
 * refused any more and the export is in the audit log. Whoever stops taking them ends it. Throws RequestFailure `rate_limited`, and
 * MillraceError, `invalid_argument` naming the field among them; in the middle when the file won't be whole.
 */
export async function* exportEvents(
  { deletions, auditLog }: Pick<ApiDeps, 'deletions' | 'auditLog'>,
  requester: Requester,
  request: ExportRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { format, userId, fromMs, toMs } = request;
  const { workspaceId } = requester.grant;
  const answers = deletions.exportEvents(
    {
      ...{ workspaceId, userId },
      format: FORMATS[format],
      ...(fromMs === undefined ? {} : { from: timestampFromMs(fromMs) }),
      ...(toMs === undefined ? {} : { to: timestampFromMs(toMs) }),
    },
    signal,
  );
  const pieces = answers[Symbol.asyncIterator]();
  try {
    await pieces.next().catch(asLimit);
    await record(auditLog, requester, request);
    yield new Uint8Array();
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) return;
      yield value.data;
    }
  } finally {
    await pieces.return?.();
  }
}

/** Too many exports of the workspace are a limit, not an outage. */
function asLimit(error: unknown): never {
  if (!(error instanceof MillraceError) || error.code !== 'resource_exhausted') throw error;
  throw new RequestFailure({ kind: 'rate_limited', retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** The log is kept, so it doesn't name the user. */
function record(
  auditLog: ApiDeps['auditLog'],
  { grant, exchange }: Requester,
  { format, userId, fromMs, toMs }: ExportRequest,
): Promise<void> {
  const { workspaceId } = grant;
  return auditLog.record({
    workspaceId,
    action: 'events.exported',
    outcome: 'succeeded',
    actor: auditActor(exchange, grant),
    target: { type: 'workspace', id: workspaceId },
    details: {
      format,
      of: userId === '' ? 'workspace' : 'user',
      ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
      ...(toMs === undefined ? {} : { to: new Date(toMs).toISOString() }),
    },
  });
}
