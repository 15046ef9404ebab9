import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { findNatsServer, pickFreePort } from '@millrace/embedded';
import { type CertificateAuthority, type CertificateFiles, eventually } from '@millrace/testkit';

/** A store that takes only clients with a certificate of the authority. */
export interface TlsStore {
  readonly port: number;
  stop(): Promise<void>;
}

/** A nats-server whose clients need a certificate and a password. */
export interface TlsNats extends TlsStore {
  readonly user: string;
  readonly password: string;
  log(): string;
  /** Has it read its certificate again; connections stay. */
  reload(): void;
  /** Ends it and starts it anew on the same data and port. */
  restart(): Promise<void>;
}

const PASSWORD = 'k2VbQ9sT1xLw8mZr4NcY7hJp3GdFa6Ue';

/** Starts a nats-server with JetStream on a directory. */
export async function startTlsNats(
  directory: string,
  authority: CertificateAuthority,
  files: CertificateFiles,
): Promise<TlsNats> {
  const port = await pickFreePort();
  const binary = await findNatsServer({ env: process.env, log: () => undefined });
  mkdirSync(directory, { recursive: true });
  const [config, logFile] = [join(directory, 'nats.conf'), join(directory, 'nats.log')];
  writeFileSync(
    config,
    `listen: "127.0.0.1:${port}"
max_payload: 8MB
log_file: ${JSON.stringify(logFile)}
authorization { user: app, password: "${PASSWORD}" }
tls { cert_file: "${files.cert}", key_file: "${files.key}", ca_file: "${authority.ca}", verify: true, timeout: 5 }
jetstream { store_dir: ${JSON.stringify(directory)} }
`,
  );
  const start = () => startProcess(binary, ['--config', config], port);
  let child = await start();
  return {
    port,
    user: 'app',
    password: PASSWORD,
    log: () => readFileSync(logFile, 'utf8'),
    reload: () => void child.kill('SIGHUP'),
    async restart() {
      await end(child);
      child = await start();
    },
    stop: () => end(child),
  };
}

/** Starts a redis-server that listens with TLS alone. */
export async function startTlsRedis(
  authority: CertificateAuthority,
  files: CertificateFiles,
): Promise<TlsStore> {
  const port = await pickFreePort();
  const child = await startProcess(
    'redis-server',
    [
      ...[
        '--port',
        '0',
        '--tls-port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
      ],
      ...['--tls-cert-file', files.cert, '--tls-key-file', files.key, '--tls-ca-cert-file', authority.ca],
      ...['--tls-auth-clients', 'yes', '--requirepass', PASSWORD],
    ],
    port,
  );
  return { port, stop: () => end(child) };
}

/** Speaks TLS for a ClickHouse that doesn't: the embedded engine opens its HTTP port by a query, and only that one. */
export async function startTlsFront(
  authority: CertificateAuthority,
  files: CertificateFiles,
  target: () => number,
): Promise<TlsStore> {
  const server = createServer(
    {
      ca: readFileSync(authority.ca),
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      const upstream = connectTcp(target(), '127.0.0.1');
      socket.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
      upstream.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    },
  );
  const port = await pickFreePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    stop: async () => void server.close(),
  };
}

async function startProcess(command: string, args: string[], port: number): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`);
    const socket = connectTcp(port, '127.0.0.1');
    await once(socket, 'connect').finally(() => socket.destroy());
  });
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
