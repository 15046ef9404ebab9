import { connect } from 'node:net';
import { buildRequest, type RequestTemplate } from './event-template.ts';
import type { LoadResult, LoadSpec } from './generator.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { ResponseParser } from './response-parser.ts';

const READ_BUFFER_BYTES = 64 * 1024;

const ACCEPTED = 202;

type Phase = 'warm-up' | 'measure' | 'over';

/** Puts a load on a server and tells when the measured part begins. */
export async function runLoad(spec: LoadSpec, onMeasuring: () => void): Promise<LoadResult> {
  const latency = new LatencyHistogram();
  const statuses: Record<string, number> = {};
  const { end, batchSize, eventsPerSecond } = spec;
  const startedAt = performance.now();
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
    if (eventsPerSecond === undefined) return { event, dueAt: performance.now() };
    return { event, dueAt: startedAt + ((event - spec.firstEvent) / eventsPerSecond) * 1000 };
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
          nextRequest: take,
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

/** What {@link openLoadConnection} needs. */
interface LoadConnectionOptions {
  readonly port: number;
  readonly template: RequestTemplate;
  /** Where every connection's bytes arrive: they are looked at before the next ones come. */
  readonly readBuffer: Buffer;
  /** The number of the next request's first event and when it is due, or undefined to send no more. */
  readonly nextRequest: () => { readonly event: number; readonly dueAt: number } | undefined;
  readonly onResponse: (status: number, microseconds: number) => void;
}

/** Sends one request after the other, each when the one before is answered; resolves when there is no next one. */
function openLoadConnection(options: LoadConnectionOptions): Promise<void> {
  const { template, nextRequest, onResponse } = options;
  const parser = new ResponseParser();
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let isDone = false;
    const sendNext = () => {
      const next = nextRequest();
      if (next === undefined) {
        isDone = true;
        socket.destroy();
        resolve();
        return;
      }
      // A request that is late has waited since it was due.
      sentAt = next.dueAt;
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) setTimeout(send, waitMs, next.event);
      else send(next.event);
    };
    const send = (event: number) => {
      // The bytes before were sent, or there would be no answer, so they may be changed.
      template.renumber(event);
      socket.write(template.bytes);
    };
    const onRead = (length: number, bytes: Uint8Array): boolean => {
      let status = 0;
      try {
        // `onread` hands back the buffer it was given.
        status = parser.push(bytes as Buffer, length);
      } catch (error) {
        socket.destroy();
        reject(error);
        return false;
      }
      if (status !== 0) {
        onResponse(status, (performance.now() - sentAt) * 1000);
        sendNext();
      }
      return !isDone;
    };
    const socket = connect({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      onread: { buffer: options.readBuffer, callback: onRead },
    });
    socket.once('connect', sendNext);
    socket.once('error', reject);
    socket.once('close', () => {
      if (!isDone) reject(new Error('the server closed a connection'));
    });
  });
}
