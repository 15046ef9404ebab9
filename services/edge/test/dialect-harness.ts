import assert from 'node:assert/strict';
import { AuthService, CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import { bindService, callInProcess } from '@millrace/runtime';
import type { AuthGateway } from '../src/clients/auth.ts';
import type { CredentialVerifier, Verdict } from '../src/clients/credentials.ts';
import type { CanonicalEvent } from '../src/ingest/canonical-event.ts';
import type { EventSink, SubmitOutcome } from '../src/ingest/submit.ts';
import type { Api, ApiDeps } from '../src/request/api.ts';
import type { Reply } from '../src/server/exchange.ts';
import { toFailure } from '../src/server/failure.ts';
import { enter, type GateDeps } from '../src/server/gate.ts';
import type { Route } from '../src/server/route.ts';
import { noDeletions } from './deletions.ts';
import { type FakeRequest, fakeExchange } from './fake-exchange.ts';
import { limitsForTests } from './limits.ts';
import { noQuestions } from './questions.ts';
import { schemasForTests } from './schemas.ts';
import { inertTail } from './tail.ts';
import { deliveriesDouble, webhookDouble } from './webhooks.ts';

/** The time on the test's clock. */
export const NOW_MS = Date.UTC(2024, 0, 30, 12, 40);
/** The workspace of every good key. */
export const WORKSPACE_ID = 'workspace-1';

/** The keys that the test's verifier knows. */
export const KEYS = {
  writer: 'evp_writer',
  reader: 'evp_reader',
  everything: 'evp_everything',
  /** Judged only after a turn of the event loop, as a key that isn't cached. */
  slow: 'evp_slow',
} as const;

const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  [KEYS.writer]: ['events:write'],
  [KEYS.reader]: ['analytics:read'],
  [KEYS.everything]: ['*'],
  [KEYS.slow]: ['events:write'],
};

/** A dialect's routes with doubles behind them. */
export interface DialectBench {
  /** Every event that the sink was handed. */
  readonly events: CanonicalEvent[];
  /** `dialect reason` of every refusal that was counted. */
  readonly rejected: string[];
  /** Answers each event; by default an id that was seen is a duplicate. */
  answer: (event: CanonicalEvent) => SubmitOutcome;
  /** Sends a request, and answers what the server would. */
  send(
    method: string,
    path: string,
    request: FakeRequest,
  ): Promise<{ status: number; body: unknown; reply: Reply }>;
}

/** Puts a dialect on the bench. */
export function benchDialect(
  dialect: Api,
  changes: Partial<ApiDeps> & { credentials?: CredentialVerifier } = {},
): DialectBench {
  const events: CanonicalEvent[] = [];
  const rejected: string[] = [];
  let ids = 0;
  const bench: DialectBench = { events, rejected, answer: rememberIds(), send };
  const submit = (event: CanonicalEvent): SubmitOutcome => {
    events.push(event);
    return bench.answer(event);
  };
  const sink: EventSink = {
    submit: async (event) => submit(event),
    submitAll: async (batch) => batch.map(submit),
    submitEach: async (batch) => batch.map(submit),
  };
  const deps: ApiDeps = {
    events: sink,
    limits: limitsForTests(),
    auth: authDouble(),
    webhooks: webhookDouble(),
    deliveries: deliveriesDouble(),
    publicGrant: async () => undefined,
    stats: { read: async () => ({ ratePerSecond: 1250.5, total: 150_000 }) },
    audit: { listAuditEntries: () => assert.fail('the audit log is not asked') },
    questions: noQuestions,
    sql: { runSql: () => assert.fail('no statement is run') },
    deletions: noDeletions,
    tail: inertTail,
    schemas: schemasForTests(),
    checkEvent: () => undefined,
    auditLog: { record: () => assert.fail('nothing is told to the audit log') },
    clock: { now: () => NOW_MS, monotonic: () => 0 },
    newId: () => `01890000-0000-7000-8000-${String(++ids).padStart(12, '0')}`,
    countRejected: (name, reason) => rejected.push(`${name} ${reason}`),
    settings: { emailCompatAlways200: false, graphqlIntrospection: false },
    ...changes,
  };
  const routes = dialect.routes(deps);
  const gate: GateDeps = { credentials: changes.credentials ?? credentials, limits: deps.limits };

  async function send(method: string, path: string, request: FakeRequest) {
    const route = routes.find((candidate) => candidate.method === method && candidate.path === path);
    assert.ok(route, `${method} ${path}`);
    const reply = await answerOf(route, request, gate);
    const body: unknown = reply.body === '' ? undefined : JSON.parse(reply.body);
    return { status: reply.status, body, reply };
  }

  return bench;
}

/** Auth with only the given handlers; what a test doesn't expect to be called fails. */
export function authDouble(
  handlers: {
    credentials?: Parameters<typeof bindService<typeof AuthService>>[1];
    signIn?: Parameters<typeof bindService<typeof SignInService>>[1];
    workspaces?: Parameters<typeof bindService<typeof WorkspaceService>>[1];
  } = {},
): AuthGateway {
  return {
    credentials: callInProcess(AuthService, bindService(AuthService, handlers.credentials ?? {})),
    signIn: callInProcess(SignInService, bindService(SignInService, handlers.signIn ?? {})),
    workspaces: callInProcess(WorkspaceService, bindService(WorkspaceService, handlers.workspaces ?? {})),
  };
}

/** A sink's answer that takes an identity it has seen for a duplicate. */
export function rememberIds(): (event: CanonicalEvent) => SubmitOutcome {
  const first = new Map<string, CanonicalEvent>();
  return (event) => {
    if (event.identity === undefined) return { kind: 'accepted', eventId: event.eventId };
    const key = `${event.identity.scope}\n${event.identity.id}`;
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, event);
      return { kind: 'accepted', eventId: event.eventId };
    }
    const isSame = earlier.identity?.content === event.identity.content;
    return { kind: isSame ? 'duplicate' : 'conflict', eventId: earlier.eventId };
  };
}

const credentials: CredentialVerifier = {
  verify(secret) {
    const permissions = PERMISSIONS[secret];
    const verdict: Verdict =
      permissions === undefined
        ? { kind: 'refused', refusal: Refusal.UNKNOWN }
        : {
            kind: 'granted',
            credentialId: secret,
            workspaceId: WORKSPACE_ID,
            userId: '',
            permissions: new Set(permissions),
            credentialKind: CredentialKind.UNSPECIFIED,
            expiresAtMs: undefined,
            rateLimit: undefined,
          };
    return secret === KEYS.slow ? Promise.resolve(verdict) : verdict;
  },
};

/** Does what the server does with a route: what is thrown becomes the route's own answer. */
async function answerOf(route: Route, request: FakeRequest, gate: GateDeps): Promise<Reply> {
  const exchange = fakeExchange(request);
  try {
    await enter(route, exchange, gate);
  } catch (error) {
    return route.encodeFailure(toFailure(error), exchange);
  }
  const [reply, ...more] = exchange.replies;
  assert.ok(reply && more.length === 0, 'one reply');
  return reply;
}
