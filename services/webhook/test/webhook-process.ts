import { openDeliveries, openDispatcher } from './dispatcher.ts';

// A dispatcher of its own for tests that kill it. It asks no analytics over gRPC: what that would answer it asks ClickHouse itself.
const { CLICKHOUSE_URL = '', CLICKHOUSE_USER = '', CLICKHOUSE_PASSWORD = '', NATS_URL = '' } = process.env;
const deliveries = openDeliveries({
  url: CLICKHOUSE_URL,
  username: CLICKHOUSE_USER,
  password: CLICKHOUSE_PASSWORD,
});
const settings = Object.entries(process.env).flatMap(([name, value]) =>
  value !== undefined && /^(CLICKHOUSE|WEBHOOK|SMTP|TEMPORAL)_/.test(name) ? [[name, value]] : [],
);
await openDispatcher({
  environment: Object.fromEntries(settings),
  deliveries: deliveries.methods,
  natsUrl: NATS_URL,
});
