/** What `NATS_URL` says. */
export interface NatsServers {
  /** `host:port`, for the client. */
  readonly servers: readonly string[];
  readonly hosts: readonly string[];
  /** Whether one of them was written `tls://`: then the connection is encrypted or there is none. */
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
  /** From user info without a colon, as other NATS clients read it. */
  readonly token?: string;
}

const SERVER = /^(?:(nats|tls):\/\/)?(?:([^@/\s]*)@)?(\[[0-9a-f:.]+\]|[^:@/?#[\]\s]+)(?::(\d{1,5}))?\/?$/i;
const DEFAULT_PORT = '4222';

/**
 * Reads a list of NATS servers, separated by commas: `nats://user:password@host:port`, `tls://…` or `host:port`. The
 * parts of the user info are percent-encoded. Throws a message that says what is wrong and quotes no secret.
 */
export function parseNatsUrl(text: string): NatsServers {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length === 0) throw new TypeError('names no server');
  const parsed = items.map(parseServer);
  const userInfos = new Set(parsed.flatMap(({ userInfo }) => (userInfo === undefined ? [] : [userInfo])));
  if (userInfos.size > 1) throw new TypeError('all servers must have the same user and password');
  const [userInfo] = userInfos;
  return {
    servers: parsed.map(({ server }) => server),
    hosts: parsed.map(({ host }) => host),
    tls: parsed.some(({ tls }) => tls),
    ...(userInfo === undefined ? {} : parseUserInfo(userInfo)),
  };
}

function parseServer(item: string, index: number) {
  const [, scheme, userInfo, host, port = DEFAULT_PORT] = SERVER.exec(item) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new TypeError(
      `server ${index + 1} is not nats://host:port, tls://host:port or host:port; write special characters of a password percent-encoded`,
    );
  }
  return {
    server: `${host}:${port}`,
    host,
    tls: scheme?.toLowerCase() === 'tls',
    // `nats://@host` has no user.
    userInfo: userInfo === '' ? undefined : userInfo,
  };
}

function parseUserInfo(userInfo: string): { user: string; password: string } | { token: string } {
  const colon = userInfo.indexOf(':');
  try {
    if (colon === -1) return { token: decodeURIComponent(userInfo) };
    return {
      user: decodeURIComponent(userInfo.slice(0, colon)),
      password: decodeURIComponent(userInfo.slice(colon + 1)),
    };
  } catch {
    throw new TypeError('the user or password is not percent-encoded: % is written %25');
  }
}
