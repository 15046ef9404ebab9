import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { type Connection, loadSecrets, type Secrets, type Stack, startStack } from '@millrace/embedded';
import { type MailServer, startMailServer } from './mail-server.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

const START_TIMEOUT_MS = 60_000;

// The one process keeps in memory what the several share through Redis, so each way is tried once.
const TOPOLOGIES = [
  { topology: 'standalone', redis: false },
  { topology: 'split', redis: true },
] as const;

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

/**
 * Declares a suite once for each topology, on a stack of its own that is started before it and stopped after it.
 * The stack is there while tests and hooks run, not while they are declared.
 */
export function onEachTopology(name: string, suite: Suite, options: SuiteOptions = {}): void {
  for (const { topology, redis } of TOPOLOGIES) declareOn({ topology, redis, ...options }, name, suite);
}

/**
 * Declares a suite for what can't differ between the topologies: how the edge reads a request and words an answer,
 * which is the same code in the same process. It runs in one process, as people do who start with `scripts/up`; what
 * crosses gRPC (errors, deadlines, tenancy, batches, duplicates) belongs on each.
 */
export function onStandalone(name: string, suite: Suite, options: SuiteOptions = {}): void {
  declareOn({ topology: 'standalone', redis: false, ...options }, name, suite);
}

function declareOn(options: TestStackOptions, name: string, suite: Suite): void {
  describe(`${name} (${options.topology})`, () => {
    let running: TestStack | undefined;
    before(
      async () => {
        running = await startTestStack(options);
      },
      { timeout: START_TIMEOUT_MS },
    );
    after(() => running?.stop());
    suite(() => {
      if (running === undefined) throw new Error('the stack is not running: ask for it inside a test');
      return running;
    });
  });
}

function removeDirectory(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

type Suite = (stack: () => TestStack) => void;
type SuiteOptions = Pick<TestStackOptions, 'env' | 'mail'>;

/** Settings of Millrace, and of the libraries in it, that a developer's shell may hold. */
const SETTING =
  /^(MILLRACE_ENV|HOST|PORT|ADMIN_PORT|LOG_LEVEL|CORS_ORIGINS|TRUSTED_PROXIES|(WORKFLOW|AUTH)_RATE_LIMIT_PER_MINUTE|STARTUP_TIMEOUT_SECONDS|REDIS_.*|NATS_.*|GRPC_.*|CLICKHOUSE_(URL|USER|PASSWORD|DATABASE|CLUSTER|TLS_.*)|COMPOZY_API_TOKEN|EMAIL_.*|ANALYTICS_.*|SMTP_URL|MAIL_FROM|SIGN_UP|JWT_.*|KEY_PEPPER|SERVICE_SECRET|BOOTSTRAP_.*|WEBHOOK_.*|TAIL_.*|TEMPORAL_.*|OTEL_.*|NODE_TEST_CONTEXT)$/;

/** This process's environment without any setting of Millrace, so that a test decides about all of them. */
export function hermeticEnvironment(overrides: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !SETTING.test(name));
  return { ...Object.fromEntries(kept), ...overrides };
}

/** Reads a stack's ClickHouse as the user who may read everything and write nothing. */
export interface Inspector {
  /** Rows as JSON values; 64-bit integers are strings. Parameters are written `{name:Type}`. */
  rows(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Opens an inspector on a stack's ClickHouse. */
export function createInspector(clickhouse: Connection['clickhouse']): Inspector {
  const client = createClient({
    url: clickhouse.url,
    username: clickhouse.username,
    password: clickhouse.password,
    database: clickhouse.database,
    request_timeout: 10_000,
    // What fails is thrown; a test that waits for a table would fill the report.
    log: { level: ClickHouseLogLevel.OFF },
    // An open connection makes the engine wait for it when it stops.
    keep_alive: { enabled: false },
  });
  return {
    async rows(sql, params = {}) {
      const result = await client.query({ query: sql, query_params: { ...params }, format: 'JSONEachRow' });
      return result.json<Record<string, unknown>>();
    },
    close: () => client.close(),
  };
}
