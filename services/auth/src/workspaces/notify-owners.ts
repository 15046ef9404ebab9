import { timestampMs } from '@bufbuild/protobuf/wkt';
import { DisabledReason } from '@millrace/contracts/millrace/api/v1/webhook';
import type {
  EndpointDisabledNotice,
  NotifyOwnersRequest,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { fieldError, MillraceError } from '@millrace/runtime';
import type { Quota, RateLimiter } from '@millrace/stores';
import { LRUCache } from 'lru-cache';
import type { Mail, Mailer, MailOutcome } from '../mail/mailer.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { UserIndex } from '../store/user-record.ts';
import { existing } from '../store/workspace-record.ts';

/**
 * Mails a notice to a workspace's owners and answers how many were reached, once their mails are sent: the mails go on being sent when
 * nobody waits any more. Throws MillraceError, `unavailable` when not all could be sent.
 */
export type NotifyOwners = (request: NotifyOwnersRequest) => Promise<number>;

/** Owners that are told, those who have been there longest: a crowd must not fill the queue of mails. */
const MAX_TOLD = 50;
/** Notices to one person. An endpoint can be made active again, and fail again, as often as somebody likes. */
const TO_OWNER: Quota = { requests: 50, periodMs: 24 * 60 * 60 * 1_000, burst: 25 };
/** Mails whose outcome is remembered: who asks again is asking soon. */
const MAX_REMEMBERED = 10_000;
const MAX_ID = 128;
const MAX_URL = 4_096;

/** Asked for again, a notice goes to those who have not got it, as far as this process has seen. */
export function createNotifyOwners(options: {
  store: Pick<AuthStore, 'workspaces'>;
  users: UserIndex;
  mailer: Mailer;
  limiter: RateLimiter;
}): NotifyOwners {
  const { store, users, mailer, limiter } = options;
  const mailed = new LRUCache<string, Promise<MailOutcome | 'limited'>>({ max: MAX_REMEMBERED });

  const mailTo = async (mail: Mail): Promise<MailOutcome | 'limited'> => {
    const { allowed } = await limiter(`notices to ${mail.to}`, TO_OWNER);
    return allowed ? mailer.deliver(mail) : 'limited';
  };
  const mailOnce = (key: string, mail: Mail): Promise<MailOutcome | 'limited'> => {
    const known = mailed.get(key);
    if (known !== undefined) return known;
    const made = mailTo(mail);
    mailed.set(key, made);
    const forget = () => void mailed.delete(key);
    made.then((outcome) => mayBeRepeated(outcome) && forget(), forget);
    return made;
  };

  return async (request) => {
    const { workspaceId, id } = request;
    if (workspaceId === '') throw fieldError('workspace_id', 'is required');
    if (id === '' || id.length > MAX_ID) throw fieldError('id', `1 to ${MAX_ID} characters`);
    const textOf = noticeText(request.notice);
    const { name, members } = existing((await store.workspaces.read(workspaceId))?.value);
    if (!mailer.sends) return 0;
    const owners = members
      .filter(({ role }) => role === 'owner')
      .sort((a, b) => a.joinedAtMs - b.joinedAtMs)
      .slice(0, MAX_TOLD)
      .flatMap(({ userId }) => users.byId(userId) ?? []);
    const outcomes = await Promise.all(
      owners.map(({ id: userId, email }) =>
        mailOnce(`${workspaceId}\n${id}\n${userId}`, { to: email, ...textOf(name) }),
      ),
    );
    if (outcomes.some(mayBeRepeated))
      throw new MillraceError('unavailable', 'not every mail could be sent, try again later');
    return outcomes.filter((outcome) => outcome === 'sent' || outcome === 'logged').length;
  };
}

function mayBeRepeated(outcome: MailOutcome | 'limited'): boolean {
  return outcome === 'given_up' || outcome === 'dropped';
}

function noticeText(notice: NotifyOwnersRequest['notice']): (workspaceName: string) => Omit<Mail, 'to'> {
  switch (notice.case) {
    case 'endpointDisabled':
      return endpointDisabledText(notice.value);
    case undefined:
      throw fieldError('notice', 'is required');
  }
}

function endpointDisabledText(notice: EndpointDisabledNotice): (workspaceName: string) => Omit<Mail, 'to'> {
  const { endpointId, url, failingSince, disabledAt } = notice;
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(endpointId))
    throw fieldError('endpoint_disabled.endpoint_id', 'must be an id');
  if (url === '' || url.length > MAX_URL || /[\p{Cc}\u2028\u2029]/u.test(url))
    throw fieldError('endpoint_disabled.url', `1 to ${MAX_URL} characters, none of them a control character`);
  if (failingSince === undefined) throw fieldError('endpoint_disabled.failing_since', 'is required');
  if (disabledAt === undefined) throw fieldError('endpoint_disabled.disabled_at', 'is required');
  const [since, at] = [failingSince, disabledAt].map((time) => new Date(timestampMs(time)).toISOString());
  const reasons = new Map([
    [DisabledReason.GONE, `It answered 410 Gone at ${at}: it wants to be called no more.`],
    [DisabledReason.FAILING, `Nothing that was sent there has succeeded since ${since}.`],
  ]);
  const reason = reasons.get(notice.reason);
  if (reason === undefined) throw fieldError('endpoint_disabled.reason', 'must be GONE or FAILING');
  return (workspaceName) => ({
    subject: `A webhook of the workspace ${workspaceName} was disabled`,
    text: [
      `The endpoint ${endpointId} of "${workspaceName}" was disabled at ${at}:`,
      `  ${url}`,
      reason,
      '',
      'It gets no events until somebody makes it active again:',
      `  PATCH /webhooks/${endpointId} {"isActive":true}`,
      'Then it gets what has come meanwhile.',
      '',
      'You get this mail because you own the workspace.',
      '',
    ].join('\n'),
  });
}
