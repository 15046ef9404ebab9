import type { Clock } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import { normalizedEmail, userKey } from '../store/user-record.ts';
import { openInvitations } from '../workspaces/accept-invitations.ts';

/** Whether an address, in its normal form, may sign in; no I/O. */
export type MaySignIn = (email: string) => boolean;

/** With `SIGN_UP=invited`: users, who has been invited, and the owner of the installation. Otherwise anybody. */
export function createMaySignIn(options: {
  store: AuthStore;
  clock: Clock;
  signUp: 'open' | 'invited';
  /** `BOOTSTRAP_OWNER_EMAIL`. */
  ownerEmail: string | undefined;
}): MaySignIn {
  const { store, clock, ownerEmail } = options;
  if (options.signUp === 'open') return () => true;
  const owner = ownerEmail === undefined ? undefined : normalizedEmail(ownerEmail);
  return (email) => {
    // All three are looked at for every address, so that the time tells nothing.
    const isOwner = email === owner;
    const isUser = store.users.get(userKey(email)) !== undefined;
    const isInvited = openInvitations(store.workspaces, { email, nowMs: clock.now() }).length > 0;
    return isOwner || isUser || isInvited;
  };
}
