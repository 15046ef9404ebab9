/** Members of a workspace. */
export const MAX_MEMBERS = 1_000;

/** Invitations of a workspace that have not lapsed. */
export const MAX_OPEN_INVITATIONS = 200;

/** Workspaces that a user owns when they make another. Requests at the same moment may pass it by a few. */
export const MAX_WORKSPACES_OWNED = 100;
