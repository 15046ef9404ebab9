import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { createLogger, MillraceError } from '@millrace/runtime';
import type { Verdict } from '../src/clients/credentials.ts';
import type { CanonicalEvent } from '../src/ingest/canonical-event.ts';
import { type ConnectDeps, createConnectHandler } from '../src/rpc/handler.ts';
import { createClientAddress } from '../src/server/client-address.ts';
import type { Deadlines } from '../src/server/deadlines.ts';
import { type Listener, listen } from '../src/server/listener.ts';
import { type BodyBudget, createBodyBudget } from '../src/server/request-body.ts';
import { noDeletions } from './deletions.ts';
import { authDouble } from './dialect-harness.ts';
import { limitsForTests } from './limits.ts';
import { noQuestions } from './questions.ts';
import { inertTail } from './tail.ts';
import { deliveriesDouble, webhookDouble } from './webhooks.ts';

/** Events of this type find the stream away. */
export const UNAVAILABLE_TYPE = 'test.unavailable';
/** Events of this type are never answered. */
export const HANGING_TYPE = 'test.hanging';

const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  writer: ['events:write'],
  reader: ['events:read'],
};

/** A Connect handler on a real port, with doubles behind it. */
export interface RpcBench {
  readonly url: string;
  /** What the handler says that it serves. */
  readonly methods: readonly DescMethod[];
  readonly events: CanonicalEvent[];
  /** `service method code` of every call. */
  readonly calls: string[];
  /** The memory of the bodies. */
  readonly bodies: BodyBudget;
  readonly health: { ready: boolean; draining: boolean };
  close(): Promise<void>;
}

/** Starts a bench for a test, on the server that the edge uses. */
export async function startRpcBench(
  changes: Partial<ConnectDeps> = {},
  deadlines: Partial<Deadlines> = {},
): Promise<RpcBench> {
  const events: CanonicalEvent[] = [];
  const calls: string[] = [];
  const submitEach: ConnectDeps['events']['submitEach'] = async (batch) => {
    if (batch.some((event) => event.eventType === UNAVAILABLE_TYPE)) {
      throw new MillraceError('unavailable', 'the stream is away');
    }
    if (batch.some((event) => event.eventType === HANGING_TYPE)) await new Promise(() => undefined);
    events.push(...batch);
    return batch.map(({ eventId }) => ({ kind: 'accepted' as const, eventId }));
  };
  const unused = () => Promise.reject(new Error('not used'));
  const health = { ready: true, draining: false };
  const bodies = changes.bodies ?? createBodyBudget(64 * 1024 * 1024);
  let ids = 0;
  const handler = createConnectHandler({
    events: { submit: unused, submitAll: unused, submitEach },
    credentials: { verify },
    limits: limitsForTests(),
    clientAddress: createClientAddress([]),
    auth: authDouble(),
    webhooks: webhookDouble(),
    deliveries: deliveriesDouble(),
    publicGrant: async () => undefined,
    questions: noQuestions,
    deletions: noDeletions,
    checkEvent: () => undefined,
    auditLog: { record: () => assert.fail('nothing is told to the audit log') },
    tail: inertTail,
    clock: { now: () => 1_706_618_400_000, monotonic: () => performance.now() },
    newId: () => `id-${++ids}`,
    countRejected: () => undefined,
    metrics: { called: (service, method, code) => calls.push(`${service} ${method} ${code}`) },
    health,
    reflection: true,
    tracing: { enabled: false, start: () => undefined, close: async () => undefined },
    log: createLogger({ service: 'edge', level: 'silent' }),
    ...changes,
    bodies,
  });
  const listener: Listener = await listen({
    host: '127.0.0.1',
    port: 0,
    deadlines,
    handler: (request, response) => handler.handle(request, response),
  });
  const bench: RpcBench = {
    url: `http://127.0.0.1:${listener.port}`,
    methods: handler.methods,
    events,
    calls,
    bodies,
    health,
    async close() {
      // Lets sessions that clients have just ended leave the listener's books.
      await sleep(50);
      await listener.close(0);
    },
  };
  return bench;
}

/** A transport of each protocol, over each version of HTTP that it has. */
export function transportsTo(url: string): Readonly<Record<string, Transport>> {
  return {
    'Connect JSON over HTTP/1.1': createConnectTransport({ baseUrl: url, httpVersion: '1.1' }),
    'Connect binary over HTTP/2': createConnectTransport({
      baseUrl: url,
      httpVersion: '2',
      useBinaryFormat: true,
    }),
    'gRPC over HTTP/2': createGrpcTransport({ baseUrl: url }),
    'gRPC-Web over HTTP/1.1': createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }),
  };
}

function verify(secret: string): Verdict {
  const permissions = PERMISSIONS[secret];
  if (!permissions) return { kind: 'refused', refusal: Refusal.UNKNOWN };
  return {
    kind: 'granted',
    credentialId: secret,
    workspaceId: 'workspace-1',
    userId: '',
    permissions: new Set(permissions),
    credentialKind: CredentialKind.ANALYTICS_KEY,
    expiresAtMs: undefined,
    rateLimit: undefined,
  };
}
