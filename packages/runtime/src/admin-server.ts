import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MetricsRegistry } from './metrics.ts';

/** The admin port of a process. */
export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/livez`, `/readyz` and `/startupz`; keep the port off public networks. `/preparedz` is no probe for
 * an orchestrator: it waits for stores without which the process has its work, for people and tests who look at once.
 */
export async function startAdminServer(options: {
  host: string;
  port: number;
  health: Health;
  registry: MetricsRegistry;
}): Promise<AdminServer> {
  const server = createServer((request, response) => {
    switch (request.url) {
      case '/metrics':
        options.registry.metrics().then(
          (text) => answer(response, 200, text, options.registry.contentType),
          () => answer(response, 500, 'metrics can not be read\n'),
        );
        return;
      case '/livez':
        return answer(response, 200, 'live\n');
      case '/readyz':
      case '/startupz':
        return options.health.ready
          ? answer(response, 200, 'ready\n')
          : answer(response, 503, `not ready: ${options.health.missing().join(', ')}\n`);
      case '/preparedz': {
        const unprepared = options.health.unprepared();
        return unprepared.length === 0
          ? answer(response, 200, 'prepared\n')
          : answer(response, 503, `not prepared: ${unprepared.join(', ')}\n`);
      }
      default:
        return answer(response, 404, 'not found\n');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  // A server that listens on TCP has an AddressInfo; the string form is for pipes.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Whether this process should get traffic: every named condition holds and it isn't draining. */
export interface Health {
  /** Declares a condition, not met until `set`. */
  set(condition: string, met: boolean): void;
  /** Declares work that goes on while there is traffic already: `ready` doesn't wait for it, `unprepared` tells of it. */
  prepare(work: string, done: Promise<unknown>): void;
  /** From now on never ready again: the process is going down. */
  drain(): void;
  readonly draining: boolean;
  readonly ready: boolean;
  /** The conditions that aren't met. */
  missing(): string[];
  /** The same, and the work that isn't done. */
  unprepared(): string[];
}

/** Liveness is the event loop alone; readiness is what is declared here. */
export function createHealth(conditions: readonly string[]): Health {
  const state = new Map<string, boolean>(conditions.map((name) => [name, false]));
  const preparing = new Set<string>();
  let draining = false;
  const unmet = () => [...state].filter(([, met]) => !met).map(([name]) => name);
  const missing = () => (draining ? ['draining', ...unmet()] : unmet());
  return {
    set: (condition, met) => void state.set(condition, met),
    prepare(work, done) {
      preparing.add(work);
      // Whoever does the work tells of its failure; here it stays undone.
      done.then(
        () => preparing.delete(work),
        () => undefined,
      );
    },
    drain() {
      draining = true;
    },
    get draining() {
      return draining;
    },
    get ready() {
      return missing().length === 0;
    },
    missing,
    unprepared: () => [...missing(), ...preparing],
  };
}
