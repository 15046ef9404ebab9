import { applicationUser, inspectorUser } from './clickhouse-config.ts';
import { sqlUser } from './clickhouse-sql-users.ts';
import type { Connection } from './connection.ts';
import { natsUser } from './nats-server.ts';
import type { Secrets } from './secrets.ts';

/** Whoever signs in with it owns the default workspace. */
const ownerEmail = 'dev@localhost';

const OTHERS = [
  'NATS_TOKEN',
  'NATS_CREDS',
  'NATS_NKEY',
  ...['NATS', 'CLICKHOUSE', 'GRPC'].flatMap((store) =>
    ['CA', 'CERT', 'KEY'].map((file) => `${store}_TLS_${file}`),
  ),
];

/** Where a stack's parts listen. */
export interface StackAddresses {
  port: number;
  adminPort: number;
  natsPort: number;
  clickHousePort: number;
  redisUrl: string | null;
}

/** The settings that every service of a stack gets, over those of the user's environment. */
export function serviceEnvironment(
  userEnv: NodeJS.ProcessEnv,
  secrets: Secrets,
  addresses: StackAddresses,
): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...userEnv,
    HOST: '127.0.0.1',
    NATS_URL: `nats://127.0.0.1:${addresses.natsPort}`,
    NATS_USER: natsUser,
    NATS_PASSWORD: secrets.natsPassword,
    CLICKHOUSE_URL: `http://127.0.0.1:${addresses.clickHousePort}`,
    CLICKHOUSE_USER: applicationUser,
    CLICKHOUSE_PASSWORD: secrets.clickHousePassword,
    CLICKHOUSE_DATABASE: 'millrace',
    CLICKHOUSE_SQL_USER: sqlUser,
    CLICKHOUSE_SQL_PASSWORD: secrets.sqlPassword,
    KEY_PEPPER: userEnv['KEY_PEPPER'] || secrets.keyPepper,
    WEBHOOK_SEAL_KEY: userEnv['WEBHOOK_SEAL_KEY'] || secrets.webhookSealKey,
    SERVICE_SECRET: secrets.serviceSecret,
    BOOTSTRAP_WORKSPACE_ID: secrets.workspaceId,
    BOOTSTRAP_API_KEY: secrets.apiKey,
    BOOTSTRAP_EXTERNAL_EVENT_TOKEN: secrets.externalEventToken,
    BOOTSTRAP_OWNER_EMAIL: ownerEmail,
    EMAIL_API_KEY: userEnv['EMAIL_API_KEY'] || secrets.emailApiKey,
  };
  // What the user's environment says of another NATS or ClickHouse has no bearing on these.
  for (const name of OTHERS) delete env[name];
  delete env['REDIS_URL'];
  if (addresses.redisUrl !== null) env['REDIS_URL'] = addresses.redisUrl;
  return env;
}

/** Describes a running stack to its users. */
export function describeConnection(options: {
  mode: Connection['mode'];
  secrets: Secrets;
  env: NodeJS.ProcessEnv;
  addresses: StackAddresses;
  processes: Connection['processes'];
}): Connection {
  const { mode, secrets, env, addresses, processes } = options;
  return {
    url: `http://127.0.0.1:${addresses.port}`,
    adminUrl: `http://127.0.0.1:${addresses.adminPort}`,
    mode,
    workspaceId: secrets.workspaceId,
    credentials: {
      apiKey: secrets.apiKey,
      bearerToken: env['COMPOZY_API_TOKEN'] || 'dev-token',
      emailApiKey: env['EMAIL_API_KEY'] || secrets.emailApiKey,
      externalEventToken: secrets.externalEventToken,
      ownerEmail,
    },
    clickhouse: {
      url: `http://127.0.0.1:${addresses.clickHousePort}`,
      database: 'millrace',
      username: inspectorUser,
      password: secrets.inspectorPassword,
    },
    nats: {
      url: `nats://127.0.0.1:${addresses.natsPort}`,
      username: natsUser,
      password: secrets.natsPassword,
    },
    redis: { url: addresses.redisUrl },
    processes,
  };
}
