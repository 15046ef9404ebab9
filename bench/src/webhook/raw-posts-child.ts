import { type Dispatcher, Pool } from 'undici';
import type { RawPostsCommand, RawPostsReport } from './raw-posts.ts';

// The raw limit of a delivery: posts the same bytes again and again, so many at once. It is told what, tells how often, and ends with its parent.

process.on('message', (command: RawPostsCommand) => {
  post(command).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      throw error;
    },
  );
});
process.on('disconnect', () => process.exit(0));

async function post({ url, headers, body, inFlight, forMs }: RawPostsCommand): Promise<RawPostsReport> {
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections: inFlight });
  const options: Dispatcher.DispatchOptions = {
    ...{ method: 'POST', path, headers: [...headers], body: Buffer.from(body, 'latin1') },
  };
  const cpu = process.cpuUsage();
  const beganAt = performance.now();
  let posted = 0;
  let underWay = 0;
  await new Promise<void>((resolve, reject) => {
    const next = (): void => {
      if (performance.now() - beganAt < forMs) {
        underWay++;
        pool.dispatch(options, new Post(settle));
      } else if (underWay === 0) resolve();
    };
    const settle = (error?: Error): void => {
      underWay--;
      if (error !== undefined) reject(error);
      else {
        posted++;
        next();
      }
    };
    for (let i = 0; i < inFlight; i++) next();
  });
  const seconds = (performance.now() - beganAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await pool.close();
  return { posted, seconds, cpuSeconds: (user + system) / 1e6 };
}

/** The least that undici asks for. */
class Post implements Dispatcher.DispatchHandler {
  readonly #settle: (error?: Error) => void;

  constructor(settle: (error?: Error) => void) {
    this.#settle = settle;
  }

  onRequestStart(): void {
    // Dispatchers demand it.
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status !== 200) throw new Error(`the receiver answered ${status}`);
  }

  onResponseData(): void {
    // Dispatchers demand it.
  }

  onResponseEnd(): void {
    this.#settle();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle(error);
  }
}
