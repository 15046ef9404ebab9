import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { after, afterEach, before, beforeEach } from 'node:test';
import { CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { createHealth } from '@millrace/runtime';
import type { Verdict } from '../src/clients/credentials.ts';
import { tailApi } from '../src/management/tail/routes.ts';
import { createSharedEvents } from '../src/management/tail/shared-events.ts';
import { createCors } from '../src/server/cors.ts';
import { startHttpBench } from './http-bench.ts';
import { inertDeps } from './inert-deps.ts';
import { type TailDouble, tailDouble } from './tail.ts';

/** Who may read. */
export const READER: Verdict = {
  kind: 'granted',
  credentialId: 'key-1',
  workspaceId: 'workspace-1',
  userId: '',
  permissions: new Set(['events:read']),
  credentialKind: CredentialKind.SECRET_KEY,
  expiresAtMs: undefined,
  rateLimit: undefined,
};

/** What their requests carry. */
export const HEADERS = { 'x-api-key': 'reader' };

/** A tail that is open, and what has come of it as text. */
export interface OpenTail {
  readonly response: IncomingMessage;
  text(): string;
  until(part: string): Promise<void>;
  readonly ended: Promise<void>;
  leave(): void;
}

/** Declares the hooks of a test file that opens tails on a real port, with a double of analytics for each test. */
export function benchTails() {
  let bench: Awaited<ReturnType<typeof startHttpBench>>;
  const leaving: (() => void)[] = [];
  const tails = {
    verdict: (): Verdict | Promise<Verdict> => READER,
    analytics: tailDouble(),
    health: createHealth([]),
    events: {
      tailEvents: (...args: Parameters<TailDouble['tailEvents']>) => tails.analytics.tailEvents(...args),
    },
    url: () => bench.url,
    answered: () => bench.answered,
    async open(search = '', headers: Record<string, string> = HEADERS): Promise<OpenTail> {
      const outgoing = get(`${bench.url}/v1/events/tail${search}`, { headers, agent: false });
      leaving.push(() => outgoing.destroy());
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => undefined);
      const ended = new Promise<void>((resolve) => {
        response.once('close', resolve);
      });
      const until = async (part: string) => {
        while (!text.includes(part)) await once(response, 'data');
      };
      return { response, until, ended, text: () => text, leave: () => outgoing.destroy() };
    },
  };
  before(async () => {
    const credentials = { verify: () => tails.verdict() };
    const health = {
      get draining() {
        return tails.health.draining;
      },
    };
    const tail = { events: tails.events, shared: createSharedEvents(), credentials, health };
    bench = await startHttpBench(tailApi.routes({ ...inertDeps, tail }), {
      gate: { credentials, limits: inertDeps.limits },
      cors: createCors(['*']),
    });
  });
  beforeEach(() => {
    tails.analytics = tailDouble();
    tails.health = createHealth([]);
    tails.verdict = () => READER;
  });
  afterEach(async () => {
    for (const leave of leaving.splice(0)) leave();
    while (tails.analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
  });
  after(() => bench.close());
  return tails;
}
