import { createServer, getCACertificates, type TLSSocket } from 'node:tls';
import {
  type ChannelCredentials,
  credentials,
  experimental,
  type Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import type { Logger } from '../logger.ts';
import { hostOf, isLoopback } from '../loopback.ts';
import type { InternalSettings } from '../shared-settings.ts';
import { openTlsFiles, type TlsFiles, type TlsMaterial } from '../tls-files.ts';

/** The certificates of calls between services; undefined where those go in clear. */
export type GrpcTls = TlsFiles | undefined;

/** Opens what `GRPC_TLS_…` names. */
export function openGrpcTls(config: InternalSettings, log: Logger): GrpcTls {
  const { GRPC_TLS_CA: ca, GRPC_TLS_CERT: cert, GRPC_TLS_KEY: key } = config;
  return ca === undefined ? undefined : openTlsFiles({ ca, cert, key }, log);
}

/** Says in the log where callers' keys, which calls between services carry, go over a network unencrypted. */
export function warnOfClearText(options: {
  tls: GrpcTls;
  /** `host` or `host:port`, by the setting's name. */
  addresses: Readonly<Record<string, string>>;
  log: Logger;
}): void {
  if (options.tls !== undefined) return;
  const settings = Object.entries(options.addresses)
    .filter(([, address]) => !isLoopback(hostOf(address) ?? address))
    .map(([name]) => name);
  if (settings.length === 0) return;
  options.log.warn(
    { settings },
    'calls between services are not encrypted: the keys of callers travel in clear; set GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY',
  );
}

/** Credentials of a client: its connections show the certificate that is there when they are made. */
export function channelCredentials(tls: GrpcTls): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const provider = provideCertificates(tls);
  // One that has nothing to give would hold up every connection.
  const identity = tls.current().cert === undefined ? null : provider;
  return experimental.createCertificateProviderChannelCredentials(provider, identity);
}

type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/** grpc-js has a provider that reads files itself, but it takes a file that is being replaced for none at all. */
function provideCertificates(tls: TlsFiles): experimental.CertificateProvider {
  const watches = new Map<CaListener | IdentityListener, () => void>();
  const watch = (listener: CaListener | IdentityListener, tell: (material: TlsMaterial) => void) => {
    watches.set(listener, tls.onChange(tell));
    process.nextTick(() => tell(tls.current()));
  };
  const unwatch = (listener: CaListener | IdentityListener) => {
    watches.get(listener)?.();
    watches.delete(listener);
  };
  return {
    addCaCertificateListener: (listener) =>
      watch(listener, ({ ca }) => listener({ caCertificate: ca ?? systemAuthorities() })),
    removeCaCertificateListener: unwatch,
    addIdentityCertificateListener: (listener) =>
      watch(listener, ({ cert, key }) =>
        listener(cert === undefined || key === undefined ? null : { certificate: cert, privateKey: key }),
      ),
    removeIdentityCertificateListener: unwatch,
  };
}

function systemAuthorities(): Buffer {
  return Buffer.from(getCACertificates().join('\n'));
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How long calls on a connection with the old certificate may still take. */
const RENEWAL_GRACE_MS = 15_000;
const LEAST_BETWEEN_REFUSALS_MS = 1_000;
const MAX_REASONS = 100;

/** A listener whose every client has shown a certificate of the CA. */
export interface TlsListener {
  readonly port: number;
  /** Takes no more connections. */
  close(): void;
}

/**
 * Listens with TLS in front of a grpc-js server, which tells nobody when it refuses a client. When the files change,
 * connections are asked to come again, so that the new certificates are the ones in use.
 */
export async function listenWithTls(options: {
  server: Server;
  host: string;
  port: number;
  tls: TlsFiles;
  log: Logger;
}): Promise<TlsListener> {
  const { server, tls, log } = options;
  const inject = () => server.createConnectionInjector(ServerCredentials.createInsecure());
  let injector = inject();
  const refuse = tellRefusals(log);
  const listener = createServer(
    {
      ...tls.current(),
      requestCert: true,
      // Refused below: here Node would hang up without a word of why.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2'],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    (socket) => {
      // grpc-js watches its sessions; an error of the socket itself must not end the process.
      socket.on('error', () => socket.destroy());
      if (socket.authorized) return injector.injectConnection(socket);
      // Typed as an Error, it is a code of OpenSSL.
      refuse(String(socket.authorizationError), socket);
      socket.destroy();
    },
  );
  listener.on('tlsClientError', (error: Error & { code?: string }, socket) =>
    refuse(error.code ?? error.message, socket),
  );
  const unwatch = tls.onChange((material) => {
    listener.setSecureContext(material);
    const old = injector;
    injector = inject();
    old.drain(RENEWAL_GRACE_MS);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(options.port, options.host, resolve);
  });
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close() {
      unwatch();
      listener.close();
    },
  };
}

/** Says why clients were refused, each reason once a second at most: strangers must not fill the log. */
function tellRefusals(log: Logger): (reason: string, socket: TLSSocket) => void {
  const said = new Map<string, { at: number; unsaid: number }>();
  return (reason, socket) => {
    const last = said.get(reason);
    if (last !== undefined && performance.now() - last.at < LEAST_BETWEEN_REFUSALS_MS) {
      last.unsaid++;
      return;
    }
    if (said.size >= MAX_REASONS) said.clear();
    said.set(reason, { at: performance.now(), unsaid: 0 });
    const more = last?.unsaid ?? 0;
    log.warn(
      { peer: socket.remoteAddress, reason, more },
      'a client was refused: its certificate does not do',
    );
  };
}
