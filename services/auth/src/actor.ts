import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import { fieldError } from '@millrace/runtime';

/** Who asks for a change; `invalid_argument` when nobody is named: no change goes unattributed. */
export function requiredActor(actor: Actor | undefined): Actor {
  if (actor === undefined) throw fieldError('actor', 'is required');
  return actor;
}

/** Whether permissions contain one; `*` contains every one. */
export function allows(permissions: readonly string[], permission: string): boolean {
  return permissions.includes('*') || permissions.includes(permission);
}
