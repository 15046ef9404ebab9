import type { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import type { PutOutcome } from '../../ingest/schemas/schema-registry.ts';
import { currentVersion } from '../../ingest/schemas/schema-registry.ts';
import type { ApiDeps } from '../../request/api.ts';
import type { Exchange } from '../../server/exchange.ts';
import { auditActor } from '../actor.ts';
import { checkedSchema, eventNameOf, expectedVersion, type putSchemaBody } from './request.ts';

/** A change, and who asks for it. */
export interface ChangeRequest {
  readonly exchange: Exchange;
  readonly grant: Grant;
  readonly deps: Pick<ApiDeps, 'schemas' | 'auditLog'>;
}

/** Registers a schema; returns when the change is in the audit log. */
export async function putSchema(
  { exchange, grant, deps }: ChangeRequest,
  { schema, mode, description }: z.output<typeof putSchemaBody>,
): Promise<PutOutcome> {
  const eventName = eventNameOf(exchange);
  const outcome = await deps.schemas.put({
    workspaceId: grant.workspaceId,
    eventName,
    ifVersion: expectedVersion(exchange),
    schema: checkedSchema(schema),
    mode,
    description,
    createdBy: grant.userId || grant.credentialId,
  });
  const { version } = currentVersion(outcome.record);
  // Also when nothing has changed: this may be the retry of a change whose audit could not be written.
  await deps.auditLog.record({
    ...entryOf(exchange, grant, eventName),
    action: 'schema.put',
    details: { version, mode, change: outcome.kind },
  });
  return outcome;
}

/** Removes a schema; returns when the change is in the audit log. */
export async function deleteSchema({ exchange, grant, deps }: ChangeRequest): Promise<void> {
  const eventName = eventNameOf(exchange);
  const ifVersion = expectedVersion(exchange);
  const removed = await deps.schemas.remove({ workspaceId: grant.workspaceId, eventName, ifVersion });
  await deps.auditLog.record({
    ...entryOf(exchange, grant, eventName),
    action: 'schema.deleted',
    details: { version: currentVersion(removed).version },
  });
}

function entryOf(exchange: Exchange, grant: Grant, eventName: string) {
  return {
    workspaceId: grant.workspaceId,
    outcome: 'succeeded' as const,
    actor: auditActor(exchange, grant),
    target: { type: 'schema', id: eventName },
  };
}
