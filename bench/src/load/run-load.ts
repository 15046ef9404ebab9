import { buildRequest } from './event-template.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { openLoadConnection } from './load-connection.ts';
import type { LoadResult, LoadSpec } from './protocol.ts';

const READ_BUFFER_BYTES = 64 * 1024;

const ACCEPTED = 202;

type Phase = 'warm-up' | 'measure' | 'over';

/** Puts a load on a server and tells when the measured part begins. */
export async function runLoad(spec: LoadSpec, onMeasuring: () => void): Promise<LoadResult> {
  const latency = new LatencyHistogram();
  const statuses: Record<string, number> = {};
  const { end, batchSize } = spec;
  let phase: Phase = 'warm-up';
  let nextEvent = spec.firstEvent;
  let requests = 0;
  let acceptedRequests = 0;
  let beganAt = 0;
  let endedAt = 0;
  let cpuAtBegin = process.cpuUsage();
  let lastEvent = Number.POSITIVE_INFINITY;

  const finish = () => {
    if (phase === 'over') return;
    phase = 'over';
    endedAt = performance.now();
  };
  const begin = () => {
    phase = 'measure';
    beganAt = performance.now();
    cpuAtBegin = process.cpuUsage();
    onMeasuring();
    if (end.kind === 'events') lastEvent = nextEvent + end.events;
    timers.push(setTimeout(finish, end.kind === 'time' ? end.measureMs : end.limitMs));
  };
  const timers = [setTimeout(begin, spec.warmUpMs)];

  const take = () => {
    if (phase === 'over' || nextEvent >= lastEvent) return undefined;
    const event = nextEvent;
    nextEvent += batchSize;
    return event;
  };
  const onResponse = (status: number, microseconds: number) => {
    if (status === ACCEPTED) acceptedRequests++;
    if (phase !== 'measure') return;
    requests++;
    statuses[status] = (statuses[status] ?? 0) + 1;
    latency.record(microseconds);
  };
  const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  try {
    await Promise.all(
      Array.from({ length: spec.connections }, (_, variant) =>
        openLoadConnection({
          port: spec.port,
          template: buildRequest(spec, variant),
          readBuffer,
          nextEvent: take,
          onResponse,
        }),
      ),
    );
  } finally {
    finish();
    for (const timer of timers) clearTimeout(timer);
  }
  const { user, system } = process.cpuUsage(cpuAtBegin);
  return {
    requests,
    seconds: (endedAt - beganAt) / 1000,
    statuses,
    latency: latency.summary(),
    acceptedEvents: acceptedRequests * batchSize,
    nextEvent,
    cpuSeconds: (user + system) / 1e6,
  };
}
