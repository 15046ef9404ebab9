import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  AnalyticsService,
  RunSqlRequestSchema,
  RunSqlResponse,
  TailEventsResponse,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import type { ServiceMethods } from '@millrace/runtime';

/** Which events to show, and from where on. */
export interface TailQuestion {
  readonly workspaceId: string;
  /** Exact, `prefix.*`, or `*`; none for all. */
  readonly types: string[];
  /** Empty for everybody's. */
  readonly userId: string;
  /** A cursor; empty for now. */
  readonly after: string;
  /** Without a cursor, how many from before. */
  readonly last: number;
  /** What else an event must meet. */
  readonly filter?: MessageInitShape<typeof FilterSchema>;
}

/** Shows events as they arrive. */
export interface EventTail {
  /** See `millrace.analytics.v1.AnalyticsService/TailEvents`. */
  tailEvents(question: TailQuestion, signal: AbortSignal): AsyncIterable<TailEventsResponse>;
}

/** Until a tail has begun, in milliseconds: the stream is asked first. */
const TAIL_BEGINS_MS = 10_000;
/** Longest silence of one: the service says something every 15 s. */
const TAIL_SILENCE_MS = 45_000;

/** The tail by the service's methods, in process or over gRPC. */
export function tailBy(methods: Pick<ServiceMethods<typeof AnalyticsService>, 'tailEvents'>): EventTail {
  return {
    tailEvents: (question, signal) =>
      methods.tailEvents(question, { timeoutMs: TAIL_BEGINS_MS, idleMs: TAIL_SILENCE_MS, signal }),
  };
}

/** Answers SQL; what ends the reading, or the signal, ends the statement. */
export interface SqlAnswers {
  /** See `millrace.analytics.v1.AnalyticsService/RunSql`. */
  runSql(
    request: MessageInitShape<typeof RunSqlRequestSchema>,
    signal: AbortSignal,
  ): AsyncIterable<RunSqlResponse>;
}

/** Longest until an answer begins, in milliseconds: its check, the wait for a turn, and what ClickHouse is given to find it. */
const SQL_BEGINS_MS = 45_000;
/** Longest until its next part. */
const SQL_SILENCE_MS = 10_000;

/** SQL by the service's methods, in process or over gRPC. */
export function sqlBy(methods: Pick<ServiceMethods<typeof AnalyticsService>, 'runSql'>): SqlAnswers {
  return {
    runSql: (request, signal) =>
      methods.runSql(request, { timeoutMs: SQL_BEGINS_MS, idleMs: SQL_SILENCE_MS, signal }),
  };
}
