import type { BenchContext } from '../bench-context.ts';
import type { LatencySummary } from '../load/latency-histogram.ts';
import { startWebhookStack } from './webhook-stack.ts';

const ENDPOINTS = 100;
const DELIVERIES_PER_SECOND = 200;
const WARM_UP_SECONDS = 3;
const DELIVERED_MS = 60_000;

/** How long deliveries took at a steady rate. */
export interface DeliveryLatencyFigures {
  readonly kind: 'webhook-latency';
  readonly name: string;
  readonly endpoints: number;
  readonly deliveriesPerSecond: number;
  /** Of each round: from the moment an event is posted to its arrival, acceptance included. */
  readonly rounds: readonly LatencySummary[];
  readonly mostP95Ms: number;
}

/** Name of the scenario. */
export const deliveryLatencyScenario = 'latency';

/** Posts single events at a steady rate, each wanted by one of the endpoints. */
export async function runDeliveryLatencyScenario(context: BenchContext): Promise<DeliveryLatencyFigures> {
  const { signal } = context;
  const webhooks = await startWebhookStack(context, { name: deliveryLatencyScenario, ports: ENDPOINTS });
  try {
    const endpoints = Array.from({ length: ENDPOINTS }, (_, number) => ({
      ...{ number, event: `bench.${number}`, isActive: true },
    }));
    await webhooks.subscribe(endpoints);
    const types = endpoints.map(({ event }) => event);
    const pass = async (seconds: number): Promise<LatencySummary> => {
      await webhooks.receiver.begin();
      const rate = { eventsPerSecond: DELIVERIES_PER_SECOND, seconds };
      const published = await webhooks.publish({ types, ...rate, signal });
      const { latency } = await webhooks.receiver.until(published, { timeoutMs: DELIVERED_MS, signal });
      context.progress(
        `${deliveryLatencyScenario}: p50 ${latency.p50 / 1_000} ms, p95 ${latency.p95 / 1_000} ms, p99 ${latency.p99 / 1_000} ms`,
      );
      return latency;
    };
    await pass(WARM_UP_SECONDS);
    const rounds: LatencySummary[] = [];
    while (rounds.length < context.rounds) rounds.push(await pass(context.seconds));
    webhooks.stack.checkUnbroken();
    return {
      ...{ kind: 'webhook-latency', name: deliveryLatencyScenario, endpoints: ENDPOINTS },
      ...{ deliveriesPerSecond: DELIVERIES_PER_SECOND, rounds, mostP95Ms: 200 },
    };
  } finally {
    await webhooks.stop();
  }
}
