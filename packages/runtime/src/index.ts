export { type AdminServer, createHealth, type Health, startAdminServer } from './admin-server.ts';
export { type Clock, systemClock } from './clock.ts';
export { booleanSetting, exitOnConfigError, hideSecrets, loadConfig } from './config.ts';
export { type ErrorCode, type FieldViolation, fieldError, MillraceError, toMillraceError } from './errors.ts';
export type { CallContext } from './grpc/answer.ts';
export {
  type CallOptions,
  createGrpcClient,
  type GrpcClient,
  type GrpcClientOptions,
  MAX_MESSAGE_BYTES,
  type ServiceMethods,
} from './grpc/client.ts';
export { callInProcess } from './grpc/in-process.ts';
export {
  bindService,
  type GrpcServer,
  type GrpcServiceBinding,
  startGrpcServer,
} from './grpc/server.ts';
export { createServiceToken, type ServiceToken } from './grpc/service-token.ts';
export type { StreamOptions } from './grpc/stream.ts';
export { channelCredentials, type GrpcTls, openGrpcTls, warnOfClearText } from './grpc/tls.ts';
export { uuidv7 } from './ids.ts';
export { createLogger, type Logger } from './logger.ts';
export { hostOf, isLoopback } from './loopback.ts';
export {
  type CounterSeries,
  counterFrom,
  createMetricsRegistry,
  histogramFrom,
  type MetricsRegistry,
  type PlainCounter,
  type PlainHistogram,
} from './metrics.ts';
export { type NatsServers, parseNatsUrl } from './nats-url.ts';
export { EARLIEST_MS, isoTime, LATEST_MS, parseRfc3339, RFC3339_EXPECTED, wholeMs } from './rfc3339.ts';
export { type Closable, runService, type ServiceContext, VERSION } from './run-service.ts';
export { createSeal, type Seal } from './seal.ts';
export {
  type BaseConfig,
  baseConfig,
  type ClickHouseSettings,
  clickHouseSettings,
  type InternalSettings,
  internalSettings,
  type NatsSettings,
  natsReplicas,
  natsSettings,
  type RedisSettings,
  redisSettings,
  type TemporalSettings,
  temporalSettings,
} from './shared-settings.ts';
export { beginStartup, type Startup, waitWithin } from './startup.ts';
export {
  openTlsFiles,
  openTlsFilesIfAny,
  type TlsFiles,
  type TlsMaterial,
  type TlsPaths,
} from './tls-files.ts';
export { type OpenSpan, type SpanContextText, startTracing, type Tracing, traceIdOf } from './tracing.ts';
