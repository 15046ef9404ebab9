import type { TestContext } from 'node:test';
import { createAddressPolicy } from '../src/http/address-policy.ts';
import { type CallResult, createHttpCaller, type HttpCaller } from '../src/http/http-caller.ts';

type PolicyOptions = Parameters<typeof createAddressPolicy>[0];
type CallerOptions = Parameters<typeof createHttpCaller>[0];

/** A policy that denies as in production, but for what is said. */
export function policyWith(options: Partial<PolicyOptions> = {}) {
  return createAddressPolicy({
    allowPrivate: false,
    allowedHosts: [],
    deniedRanges: [],
    requireHttps: false,
    ...options,
  });
}

/** A caller that may call 127.0.0.1 and `localhost` and has 10 s; closed after the test. */
export function callerFor(t: TestContext, options: Partial<CallerOptions> = {}): HttpCaller {
  const caller = createHttpCaller({
    policy: policyWith({ allowedHosts: ['127.0.0.1', 'localhost'] }),
    limits: { total: 100, perOrigin: 10, idle: 50 },
    timeoutMs: 10_000,
    ...options,
  });
  t.after(() => caller.close());
  return caller;
}

/** Posts a small body. */
export function post(
  caller: HttpCaller,
  url: string,
  {
    body = '{}',
    headers = ['webhook-id', 'dlv_1'],
    signal,
  }: { body?: string; headers?: string[]; signal?: AbortSignal } = {},
): Promise<CallResult> {
  return caller.call({ url, headers, body: Buffer.from(body), signal });
}
