import { join } from 'node:path';
import { type Cores, startPinned } from '../machine/pinned-process.ts';
import type { LoadReport, LoadResult, LoadSpec } from './protocol.ts';

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
