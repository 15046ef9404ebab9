import { type Property, PropertyType } from '@millrace/contracts/millrace/api/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { Questions } from '../../clients/analytics.ts';
import { auditActor, type Requester } from '../actor.ts';

/** Who asks for a change. */
export interface PropertyChange extends Requester {
  readonly signal: AbortSignal;
}

interface Deps {
  readonly questions: Questions;
  readonly auditLog: AuditLog;
}

/** Registers a property, whichever way it is asked; returns when the change is in the audit log. */
export async function putProperty(
  { questions, auditLog }: Deps,
  change: PropertyChange,
  request: { readonly path: string; readonly type: PropertyType },
): Promise<{ property: Property; created: boolean }> {
  const { workspaceId, userId, credentialId } = change.grant;
  const { response } = await questions.putProperty(
    { workspaceId, request, askedBy: userId || credentialId },
    change.signal,
  );
  if (response?.property === undefined) throw new MillraceError('internal', 'an answer without a property');
  // Also when nothing has changed: this may be the retry of a change whose audit could not be written.
  await auditLog.record({
    ...entryOf(change, request.path),
    action: 'property.put',
    details: { type: response.property.type === PropertyType.NUMBER ? 'number' : 'text' },
  });
  return { property: response.property, created: response.created };
}

/** Removes a property; returns when the change is in the audit log. */
export async function deleteProperty(
  { questions, auditLog }: Deps,
  change: PropertyChange,
  path: string,
): Promise<void> {
  const { workspaceId } = change.grant;
  await questions.deleteProperty({ workspaceId, request: { path } }, change.signal);
  await auditLog.record({ ...entryOf(change, path), action: 'property.deleted', details: {} });
}

function entryOf({ grant, exchange }: PropertyChange, path: string) {
  return {
    workspaceId: grant.workspaceId,
    outcome: 'succeeded' as const,
    actor: auditActor(exchange, grant),
    target: { type: 'property', id: path },
  };
}
