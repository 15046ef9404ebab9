import type { EndpointTarget } from '../endpoints/endpoint-record.ts';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import type { AttemptedDelivery } from '../engine/delivery.ts';

/** What came of an attempt. */
export interface AttemptResult {
  /** `gone`: the target wants nothing more, as HTTP's 410 says. */
  readonly kind: 'delivered' | 'failed' | 'gone';
  /** The HTTP status; 0 when there was none. */
  readonly status: number;
  /** For example `HTTP 500: oops`, at most 1,024 characters; empty when it was delivered. */
  readonly error: string;
  /** The first bytes of the answer, at most 16 KiB. */
  readonly response: Buffer;
  /** What was dialled, `198.51.100.7:443`; empty when nothing was. */
  readonly address: string;
  readonly tookMs: number;
  /** How long the target asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** Makes the attempts that targets of all kinds are made. */
export interface Targets {
  /** Ends by itself within its own deadline. Rejects only for what is wrong with us. */
  attempt(endpoint: LiveEndpoint, delivery: AttemptedDelivery): Promise<AttemptResult>;
}

/** Makes attempts by the kind of an endpoint's target. */
export function createTargets(byKind: Readonly<Record<EndpointTarget['kind'], Targets['attempt']>>): Targets {
  return { attempt: (endpoint, delivery) => byKind[endpoint.record.target.kind](endpoint, delivery) };
}
