import { join } from 'node:path';
import { type Cores, startPinned } from '../machine/pinned-process.ts';
import type { LatencySummary } from './latency-histogram.ts';

/** The load generator, in a process of its own. */
export interface LoadGenerator {
  /** Runs one load; `onMeasuring` is called when its warm-up is over. */
  run(spec: LoadSpec, onMeasuring?: () => void): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Starts the load generator on some cores. */
export async function startLoadGenerator(cores: Cores): Promise<LoadGenerator> {
  const child = await startPinned({
    cores,
    script: join(import.meta.dirname, '../load-generator.ts'),
    nodeOptions: ['--max-semi-space-size=64'],
  });
  const { channel } = child;
  return {
    run: (spec, onMeasuring) =>
      new Promise((resolve, reject) => {
        const settle = (conclude: () => void) => {
          channel.off('message', onMessage);
          channel.off('exit', onExit);
          conclude();
        };
        const onExit = () => settle(() => reject(new Error('the load generator ended')));
        const onMessage = (message: unknown) => {
          // The other end of this channel is `load-generator.ts`.
          const report = message as LoadReport;
          if (report.kind === 'measuring') onMeasuring?.();
          else if (report.kind === 'done') settle(() => resolve(report.result));
          else settle(() => reject(new Error(`the load failed: ${report.reason}`)));
        };
        channel.on('message', onMessage);
        channel.once('exit', onExit);
        channel.send(spec);
      }),
    stop: () => child.stop(),
  };
}

/** A load that is put on a server. */
export interface LoadSpec {
  readonly port: number;
  /** Without query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Events in each request; 1 is a single event's body and not an array of one. */
  readonly batchSize: number;
  readonly ids: EventIds;
  /** Number of the first event; what follows it is never used again. */
  readonly firstEvent: number;
  /** The rate to keep; without one the next request follows when the one before is answered. */
  readonly eventsPerSecond?: number;
  /** Requests of this time count for nothing. */
  readonly warmUpMs: number;
  readonly end: LoadEnd;
}

/** What came of a load, without its warm-up. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Requests by the status they were answered with. */
  readonly statuses: Readonly<Record<string, number>>;
  /** In microseconds. */
  readonly latency: LatencySummary;
  /** Events of the requests that were answered 202, warm-up included. */
  readonly acceptedEvents: number;
  /** Number of the first event that was not sent, warm-up included. */
  readonly nextEvent: number;
  /** Processor seconds of the generator itself. */
  readonly cpuSeconds: number;
}

/** Which client-given ids the events of a load have. */
export type EventIds =
  | { readonly kind: 'unique' }
  | { readonly kind: 'none' }
  /** The same ids again after so many events. */
  | { readonly kind: 'cycle'; readonly size: number };

/** When a load ends. Both end at `limitMs` at the latest. */
export type LoadEnd =
  | { readonly kind: 'time'; readonly measureMs: number }
  | { readonly kind: 'events'; readonly events: number; readonly limitMs: number };

/** What the load generator tells its parent. */
export type LoadReport =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };
