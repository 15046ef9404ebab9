import { isIPv6 } from 'node:net';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import type { Quota, QuotaStanding, RateLimiter } from '@millrace/stores';
import type { Grant } from '../../clients/credentials.ts';

/** Which limit a request met. */
export type LimitName = 'credential' | 'workflow' | 'auth';

/** What a limit says of one request. */
export interface Limited {
  /** Flat name, value …, of the headers that the answer carries, whatever it is. */
  readonly headers: readonly string[];
  /** When to come back; undefined when the request may go on. */
  readonly retryAfterSeconds: number | undefined;
}

/** A limit's word on a request; undefined where none is set. */
export type LimitVerdict = Limited | Promise<Limited> | undefined;

/** Every limit on requests. */
export interface RequestLimits {
  /** The caller's own limit or the workspace's; else, on a route that names one, the installation's. */
  caller(grant: Grant, preset?: 'workflow'): LimitVerdict;
  /** That of the sign-in routes, for each client address. */
  address(address: string): LimitVerdict;
}

const MINUTE_MS = 60_000;

/** Applies the limits that users set on credentials and workspaces, and those of the installation's settings. */
export function createRequestLimits(options: {
  limiter: RateLimiter;
  /** Of each credential on the workflow API that has no limit of its own; 0 for none. */
  workflowPerMinute: number;
  /** Of each address on the sign-in routes; 0 for none. */
  authPerMinute: number;
  countLimited: (limit: LimitName) => void;
}): RequestLimits {
  const { limiter, countLimited } = options;
  const workflowQuota = wholeMinute(options.workflowPerMinute);
  const authQuota = wholeMinute(options.authPerMinute);

  const take = (limit: LimitName, subject: string, quota: Quota): LimitVerdict => {
    const told = (standing: QuotaStanding): Limited => {
      if (!standing.allowed) countLimited(limit);
      return toLimited(quota, standing);
    };
    const standing = limiter(`${limit} ${subject}`, quota);
    return standing instanceof Promise ? standing.then(told) : told(standing);
  };

  return {
    caller(grant, preset) {
      const { rateLimit } = grant;
      if (rateLimit !== undefined) {
        const { requestsPerMinute: requests, burst } = rateLimit;
        return take('credential', callerKey(grant), { requests, periodMs: MINUTE_MS, burst });
      }
      if (preset === undefined || workflowQuota === undefined) return undefined;
      return take('workflow', callerKey(grant), workflowQuota);
    },
    address: (address) => authQuota && take('auth', addressBlock(address), authQuota),
  };
}

/** A person signs in again and again, each time with a new credential, so it is the person who is counted. */
function callerKey({ userId, workspaceId, credentialId, credentialKind }: Grant): string {
  return credentialKind === CredentialKind.SESSION ? `${userId} ${workspaceId}` : credentialId;
}

/** So many in any fresh minute, at once or not: what "a minute" promises. */
function wholeMinute(requests: number): Quota | undefined {
  return requests === 0 ? undefined : { requests, periodMs: MINUTE_MS, burst: requests };
}

/** The fields of draft-ietf-httpapi-ratelimit-headers; `t` is until one request more than `r` is available. */
function toLimited(quota: Quota, { allowed, remaining, nextInSeconds }: QuotaStanding): Limited {
  return {
    headers: [
      'ratelimit-policy',
      `"default";q=${quota.requests};w=${quota.periodMs / 1_000}`,
      'ratelimit',
      `"default";r=${remaining};t=${nextInSeconds}`,
    ],
    retryAfterSeconds: allowed ? undefined : nextInSeconds,
  };
}

/** Leading groups of an IPv6 address that one customer has for themselves: a /64. */
const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;

/** What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which a client can vary at will. */
export function addressBlock(address: string): string {
  if (!isIPv6(address)) return address;
  const [withoutZone = ''] = address.split('%');
  // The URL parser writes an address one way only: lower case, no leading zeros, no dotted part.
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: ALL_GROUPS - left.length - right.length }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, NETWORK_GROUPS).join(':')}::/64`;
}
