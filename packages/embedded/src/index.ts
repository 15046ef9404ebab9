export type { ManagedProcess, ProcessExit } from './child-process.ts';
export type { ClickHousePasswords } from './clickhouse-config.ts';
export { type ClickHouse, type ClickHouseOptions, startClickHouse } from './clickhouse-server.ts';
export { type Connection, readConnection } from './connection.ts';
export { prepareDataDirectory } from './data-directory.ts';
export { isPortFree, pickFreePort } from './free-port.ts';
export { findNatsServer } from './nats-binary.ts';
export {
  type NatsClusterMembership,
  type NatsServer,
  type NatsServerOptions,
  natsUser,
  startNatsServer,
} from './nats-server.ts';
export { loadSecrets, type Secrets } from './secrets.ts';
export type { ServiceOutput, ServiceSpec } from './service-process.ts';
export { planSplit, planStandalone, type ServicePlanner } from './service-process.ts';
export { type Stack, type StackOptions, type StopOutcome, startStack, stopStack } from './stack.ts';
export { type Supervised, type SuperviseOptions, supervise } from './supervisor.ts';
export { lastLines } from './until-ready.ts';
