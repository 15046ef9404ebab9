import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ManagedProcess, type ProcessExit, pickFreePort, supervise } from '@millrace/embedded';
import { eventually } from '@millrace/testkit';
import { Redis } from 'ioredis';

/** A redis-server that comes back on its port, empty, after it was killed. */
export interface RestartingRedis {
  readonly url: string;
  readonly pid: number;
  flushAll(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a redis-server that keeps nothing on disk. */
export async function startRestartingRedis(): Promise<RestartingRedis> {
  const port = await pickFreePort();
  const url = `redis://127.0.0.1:${port}`;
  const supervised = await supervise({
    name: 'redis',
    start: () => startOnce(port, url),
    log: () => undefined,
  });
  return {
    url,
    get pid() {
      return supervised.current.pid;
    },
    flushAll: () => withClient(url, async (client) => void (await client.flushall())),
    stop: () => supervised.stop(),
  };
}

async function startOnce(port: number, url: string): Promise<ManagedProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await Promise.race([
    once(child, 'spawn'),
    once(child, 'error').then(([cause]) => {
      throw new Error('redis-server does not start; install it with: apt-get install -y redis-server', {
        cause,
      });
    }),
  ]);
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  void exited.then(() => process.off('exit', killWithUs));
  const { pid } = child;
  if (pid === undefined) throw new Error('redis-server has no pid after its spawn');
  await eventually(() => withClient(url, (client) => client.ping()));
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    await exited;
  };
  return { name: 'redis', pid, exited, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  let problem: Error | undefined;
  client.on('error', (error: Error) => {
    problem = error;
  });
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw problem ?? error;
  } finally {
    client.disconnect();
  }
}
