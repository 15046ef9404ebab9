import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { systemClock } from '../clock.ts';
import { fieldError, MillraceError } from '../errors.ts';
import { createLogger } from '../logger.ts';
import { createMetricsRegistry } from '../metrics.ts';
import { createGrpcClient, type GrpcClient, type ServiceMethods } from './client.ts';
import { callInProcess } from './in-process.ts';
import { bindService, type GrpcServer, startGrpcServer } from './server.ts';
import { createServiceToken } from './service-token.ts';

const CALL = { timeoutMs: 5_000 };
const never = new Promise<never>(() => undefined);
const asked: string[] = [];
let failure: unknown;
let server: GrpcServer;
let client: GrpcClient<typeof AuthService>;

const binding = bindService(AuthService, {
  verify({ secret }) {
    asked.push(secret);
    return never;
  },
  async getCredential() {
    throw failure;
  },
});

/** What holds over a connection holds for a call in process. */
const ways: readonly (readonly [name: string, methods: () => ServiceMethods<typeof AuthService>])[] = [
  ['over gRPC', () => client.methods],
  ['in process', () => callInProcess(AuthService, binding)],
];

before(async () => {
  const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
  server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [binding],
    token,
    registry: createMetricsRegistry({ service: 'test', version: '0' }),
    tracing: { enabled: false, start: () => undefined, close: async () => undefined },
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  client = createGrpcClient(AuthService, { address: `127.0.0.1:${server.port}`, token });
});
after(async () => {
  client.close();
  await server.close();
});

for (const [name, methods] of ways) {
  const failWith = async (thrown: unknown): Promise<MillraceError> => {
    failure = thrown;
    const caught = await methods()
      .getCredential({}, CALL)
      .catch((error: unknown) => error);
    assert.ok(caught instanceof MillraceError);
    return caught;
  };

  test(`${name}: an error keeps its code, message and details`, async () => {
    const details = [
      { field: 'expires_at', issue: 'must be in the future' },
      { field: 'name', issue: 'höchstens 10 Zeichen: “…”' },
    ];
    const error = await failWith(new MillraceError('invalid_argument', 'two things are wrong', { details }));
    assert.deepEqual([error.code, error.message], ['invalid_argument', 'two things are wrong']);
    assert.deepEqual(error.details, details);
    assert.deepEqual((await failWith(new MillraceError('not_found', 'no such credential'))).details, []);
    const taken = await failWith(fieldError('email', 'is taken', 'already_exists'));
    assert.deepEqual([taken.code, taken.message], ['already_exists', 'email: is taken']);
    assert.deepEqual(taken.details, [{ field: 'email', issue: 'is taken' }]);
  });

  test(`${name}: details of an unforeseen error are not told`, async () => {
    const error = await failWith(
      Object.assign(new TypeError('a secret'), { details: [{ field: 'secret' }] }),
    );
    assert.deepEqual([error.code, error.message, error.details], ['internal', 'internal error', []]);
  });

  test(`${name}: however much is found wrong, the answer comes, with the first of it`, async () => {
    const details = Array.from({ length: 1_000 }, (_, at) => ({
      field: `${at}${'f'.repeat(10_000)}`,
      // Half of a pair at the cut.
      issue: `x${'😀'.repeat(10_000)}`,
    }));
    const error = await failWith(new MillraceError('invalid_argument', 'much is wrong', { details }));
    assert.equal(error.message, 'much is wrong');
    assert.equal(error.details.length, 8);
    assert.match(error.details[7]?.field ?? '', /^7f{63}$/);
    assert.match(error.details[0]?.issue ?? '', /^x(😀){127}\uFFFD$/u);
  });

  test(`${name}: a signal that has aborted already ends the call before it is made`, async () => {
    asked.length = 0;
    const signal = AbortSignal.abort();
    await assert.rejects(methods().verify({ secret: name }, { ...CALL, signal }), { code: 'canceled' });
    // What was sent after it has arrived after it.
    await failWith(new MillraceError('not_found', ''));
    assert.deepEqual(asked, []);
  });

  test(`${name}: a signal that aborts later ends the call then`, async () => {
    const aborter = new AbortController();
    const call = methods().verify({ secret: name }, { ...CALL, signal: aborter.signal });
    aborter.abort();
    await assert.rejects(call, { code: 'canceled' });
  });

  test(`${name}: a deadline of the caller's own is the caller's giving up`, async () => {
    const signal = AbortSignal.timeout(1);
    await assert.rejects(methods().verify({}, { ...CALL, signal }), { code: 'canceled' });
    await assert.rejects(methods().verify({}, { timeoutMs: 1 }), { code: 'deadline_exceeded' });
  });
}

test('in process: an abort during a call that fails is no rejection that nobody handles', async () => {
  const aborter = new AbortController();
  const methods = callInProcess(
    AuthService,
    bindService(AuthService, {
      verify() {
        aborter.abort();
        return Promise.reject(new MillraceError('unavailable', 'away'));
      },
    }),
  );
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', listen);
  await assert.rejects(methods.verify({}, { ...CALL, signal: aborter.signal }), { code: 'canceled' });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', listen);
  assert.deepEqual(unhandled, []);
});
