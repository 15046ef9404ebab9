import { z } from 'zod';
import { boundedText, wholeNumber } from '../../request/json-types.ts';
import { ROLE_NAMES } from './workspace-messages.ts';

const MOST_REQUESTS_PER_MINUTE = 60_000_000;
const name = boundedText(1, 128);
const role = z.enum(ROLE_NAMES, { error: `must be one of ${ROLE_NAMES.join(', ')}` });

/** Body of `POST /v1/workspaces`. */
export const newWorkspaceBody = z.strictObject({ name });

/** Body of `PATCH /v1/workspaces/:workspaceId`: what is absent stays as it is. */
export const workspaceChangeBody = z.strictObject({
  name: name.optional(),
  rateLimit: z
    .strictObject({
      requestsPerMinute: wholeNumber(0, MOST_REQUESTS_PER_MINUTE).describe('0 for no limit'),
      burst: wholeNumber(0, MOST_REQUESTS_PER_MINUTE)
        .describe('requests that may come at once; 0 for a sixth of the requests of a minute')
        .default(0),
    })
    .nullish()
    .describe('of each credential that has none of its own; null takes it back'),
});

/** Body of `POST /v1/workspaces/:workspaceId/invitations`. */
export const invitationBody = z.strictObject({ email: boundedText(3, 254), role });

/** Body of `PATCH /v1/workspaces/:workspaceId/members/:userId`. */
export const memberChangeBody = z.strictObject({ role });

/** Query of `DELETE /v1/workspaces/:workspaceId/members/:userId`. */
export const removalQuery = z.object({
  revokeKeys: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .describe('deactivate the keys that were issued to them, too'),
});
