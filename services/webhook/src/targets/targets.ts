import type { EndpointTarget } from '../endpoints/endpoint-record.ts';
import type { Targets } from '../engine/attempts.ts';

/** Makes attempts by the kind of an endpoint's target. */
export function createTargets(byKind: Readonly<Record<EndpointTarget['kind'], Targets['attempt']>>): Targets {
  return { attempt: (endpoint, delivery) => byKind[endpoint.record.target.kind](endpoint, delivery) };
}
