import { readFileSync } from 'node:fs';
import {
  type Logger,
  MillraceError,
  type NatsSettings,
  parseNatsUrl,
  type Startup,
  waitWithin,
} from '@millrace/runtime';
import {
  type Authenticator,
  type NatsConnection as Connection,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  Events,
  NatsError,
  nkeyAuthenticator,
} from 'nats';

/** A connection to NATS, and how long what is made on it at the start of the process may be waited for. */
export interface NatsConnection extends Connection {
  readonly startup?: Startup;
}

/** How a process says who it is to NATS; see `natsSettings`. */
export type NatsIdentity = Partial<Omit<NatsSettings, 'NATS_URL'>>;

/** Longest that an attempt to connect may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Connects, and from then on reconnects for ever; credentials and certificates are read from their files at each
 * connect. The server is pinged every 5 s: by default a frozen one is noticed only after minutes.
 * `onChange` is told when the connection is lost and when it is back. Within a `startup` a server that isn't there is
 * waited for. Throws `unauthenticated` where it refuses us, `failed_precondition` where one side's certificate does not
 * do, `unavailable` where it can't be reached.
 */
export async function connectNats(options: {
  /** See `NATS_URL`. */
  url: string;
  identity?: NatsIdentity;
  /** Shown in the server's monitoring. */
  name: string;
  log: Logger;
  startup?: Startup;
  onChange?: (connected: boolean) => void;
}): Promise<NatsConnection> {
  const { log, startup } = options;
  const { servers } = parseNatsUrl(options.url);
  const settings: ConnectionOptions = {
    ...identify(options.url, options.identity ?? {}, log),
    servers: [...servers],
    name: options.name,
    maxReconnectAttempts: -1,
    // A server whose users are being changed refuses everybody for a moment; that must not be the end.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 200,
    reconnectJitter: 100,
    reconnectJitterTLS: 100,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: CONNECT_TIMEOUT_MS,
  };
  const connection = await waitWithin(startup, `NATS at ${servers.join(', ')}`, async () => {
    try {
      return await connect(settings);
    } catch (error) {
      throw explain(error, servers);
    }
  });
  options.onChange?.(true);
  watchStatus(connection, log, options.onChange).catch((error: unknown) =>
    log.error({ err: error }, 'NATS status feed ended'),
  );
  return startup === undefined ? connection : Object.assign(connection, { startup });
}

function identify(url: string, identity: NatsIdentity, log: Logger): ConnectionOptions {
  const { tls, user, password, token } = parseNatsUrl(url);
  const authenticator = authenticatorOf(
    {
      ...(user === undefined ? {} : { NATS_USER: user, NATS_PASSWORD: password }),
      ...(token === undefined ? {} : { NATS_TOKEN: token }),
      ...identity,
    },
    log,
  );
  const { NATS_TLS_CA: caFile, NATS_TLS_CERT: certFile, NATS_TLS_KEY: keyFile } = identity;
  const files = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  return {
    ...(authenticator === undefined ? {} : { authenticator }),
    // The client reads these at each connect. With the option set it refuses a server that offers no TLS.
    ...(tls || Object.keys(files).length > 0 ? { tls: files } : {}),
  };
}

function authenticatorOf(identity: NatsIdentity, log: Logger): Authenticator | undefined {
  const { NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY } = identity;
  if (NATS_USER !== undefined) return () => ({ user: NATS_USER, pass: NATS_PASSWORD ?? '' });
  if (NATS_TOKEN !== undefined) return () => ({ auth_token: NATS_TOKEN });
  if (NATS_CREDS !== undefined) return credsAuthenticator(readAnew(NATS_CREDS, log));
  if (NATS_NKEY === undefined) return undefined;
  const read = readAnew(NATS_NKEY, log);
  return nkeyAuthenticator(() => Buffer.from(read().toString('utf8').trim()));
}

/**
 * Reads a file at each call; while it can't be read, what it held before: an authenticator that throws would end the
 * connection for good. Throws at the first.
 */
function readAnew(path: string, log: Logger): () => Buffer {
  let last = readFileSync(path);
  return () => {
    try {
      last = readFileSync(path);
    } catch (error) {
      log.error({ file: path, err: error }, 'NATS credentials can not be read again');
    }
    return last;
  };
}

/** Codes with which OpenSSL and Node refuse a certificate, our own or the server's. */
const CERTIFICATE = /^ERR_(SSL|TLS)_|^CERT_|^UNABLE_TO_|SELF_SIGNED|^(ERROR_IN|INVALID)_|ALERT/;
const AUTHORIZATION =
  /^(AUTHORIZATION_VIOLATION|AUTHENTICATION_EXPIRED|ACCOUNT_AUTHENTICATION_EXPIRED|BAD_CREDENTIALS)$/;

function explain(error: unknown, servers: readonly string[]): MillraceError {
  const where = `NATS at ${servers.join(', ')}`;
  const codes = [...codesOf(error)];
  const options = { cause: error };
  if (codes.some((code) => AUTHORIZATION.test(code))) {
    return new MillraceError('unauthenticated', `${where} refuses these credentials`, options);
  }
  if (error instanceof NatsError && error.code === 'SERVER_OPT_NA') {
    const message = `${where} offers no TLS, and its URL or NATS_TLS_… asks for it`;
    return new MillraceError('failed_precondition', message, options);
  }
  if (codes.some((code) => CERTIFICATE.test(code))) {
    return new MillraceError('failed_precondition', `no TLS with ${where}`, options);
  }
  return new MillraceError('unavailable', `${where} can not be reached`, options);
}

function* codesOf(error: unknown): Generator<string> {
  for (let one = error; one instanceof Error; one = one instanceof NatsError ? one.chainedError : one.cause) {
    if ('code' in one && typeof one.code === 'string') yield one.code;
  }
}

async function watchStatus(
  connection: Connection,
  log: Logger,
  onChange: ((connected: boolean) => void) | undefined,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === Events.Disconnect) {
      log.warn('NATS connection lost');
      onChange?.(false);
    } else if (status.type === Events.Reconnect) {
      log.info('NATS connection is back');
      onChange?.(true);
    } else if (status.type === Events.Error) {
      log.error({ reason: String(status.data) }, 'NATS reported an error');
    }
  }
}
