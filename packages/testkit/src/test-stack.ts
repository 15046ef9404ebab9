import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, loadSecrets, type Secrets, type Stack, startStack } from '@millrace/embedded';
import { hermeticEnvironment } from './hermetic-environment.ts';
import { createInspector, type Inspector } from './inspector.ts';
import { type MailServer, startMailServer } from './mail-server.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** Every role in one process, or each in a process of its own. */
export type Topology = 'standalone' | 'split';

/** What {@link startTestStack} needs. */
export interface TestStackOptions {
  readonly topology: Topology;
  /** Starts a redis-server for it, one that asks for a password where there is one; default is none. */
  readonly redis?: boolean | { readonly password: string };
  /** Starts a mail server for it and sets `SMTP_URL`; default is none. */
  readonly mail?: boolean;
  /** Settings of Millrace; those of the shell are not seen. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running stack with a data directory of its own, removed when it stops. */
export interface TestStack {
  readonly topology: Topology;
  readonly dataDir: string;
  /** As it is now: the pids change when a process is restarted. */
  readonly connection: Connection;
  readonly secrets: Secrets;
  readonly inspector: Inspector;
  /** What the supervisor said, for example of restarts. */
  readonly supervisorLog: readonly string[];
  /** What was mailed. Throws on a stack that was started without `mail`. */
  readonly mail: MailServer;
  stop(): Promise<void>;
}

/** Starts the real stores and services on free ports. */
export async function startTestStack(options: TestStackOptions): Promise<TestStack> {
  const dataDir = await mkdtemp(join(tmpdir(), `millrace-${options.topology}-`));
  const supervisorLog: string[] = [];
  let redis: RedisServer | undefined;
  let mail: MailServer | undefined;
  let stack: Stack;
  try {
    mail = options.mail === true ? await startMailServer() : undefined;
    redis = options.redis ? await startRedis(options.redis === true ? {} : options.redis) : undefined;
    stack = await startStack({
      dataDir,
      port: 0,
      adminPort: 0,
      split: options.topology === 'split',
      env: hermeticEnvironment({ ...(mail && { SMTP_URL: mail.url }), ...options.env }),
      ...(redis === undefined ? {} : { redisUrl: redis.url }),
      log: (line) => supervisorLog.push(line),
    });
  } catch (error) {
    await mail?.stop();
    await redis?.stop();
    await removeDirectory(dataDir);
    throw error;
  }
  const inspector = createInspector(stack.connection.clickhouse);
  return {
    topology: options.topology,
    dataDir,
    get connection() {
      return stack.connection;
    },
    secrets: loadSecrets(dataDir),
    inspector,
    supervisorLog,
    get mail() {
      if (mail === undefined) throw new Error('the stack has no mail server: start it with `mail: true`');
      return mail;
    },
    async stop() {
      try {
        await inspector.close();
        await stack.stop();
      } finally {
        await mail?.stop();
        await redis?.stop();
        await removeDirectory(dataDir);
      }
    },
  };
}

function removeDirectory(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
