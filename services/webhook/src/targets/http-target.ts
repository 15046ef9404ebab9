import { isUtf8 } from 'node:buffer';
import type { Clock } from '@millrace/runtime';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import type { AttemptedDelivery } from '../engine/delivery.ts';
import type { CallResult, HttpCaller } from '../http/http-caller.ts';
import { retryAfterMs } from '../http/retry-after.ts';
import { sign } from '../signing/sign.ts';
import type { AttemptResult } from './target.ts';

const GONE = 410;
/** What of an answer stands in an error. */
const MAX_EXCERPT_BYTES = 200;
const MAX_ERROR_CHARS = 1_024;

/** Posts events to URLs, with the documented headers and those of Standard Webhooks. */
export function createHttpTarget(options: {
  caller: Pick<HttpCaller, 'call'>;
  userAgent: string;
  clock: Clock;
}): (endpoint: LiveEndpoint, delivery: AttemptedDelivery) => Promise<AttemptResult> {
  const { caller, userAgent, clock } = options;
  return async (endpoint, delivery) => {
    const { target } = endpoint.record;
    if (target.kind !== 'http') throw new TypeError('not an endpoint that is called by HTTP');
    const nowMs = clock.now();
    const { body, fields } = delivery.event;
    const timestampSeconds = Math.floor(nowMs / 1_000);
    const call = { id: delivery.id, timestampSeconds, body };
    const headers = [
      ...['Content-Type', 'application/json', 'User-Agent', userAgent],
      ...['X-Webhook-Event', headerText(fields.eventType), 'X-Webhook-ID', delivery.id],
      ...['X-Webhook-Attempt', String(delivery.attempt), 'webhook-id', delivery.id],
      ...['webhook-timestamp', String(timestampSeconds)],
      ...['webhook-signature', sign(call, endpoint.signingKeys(nowMs))],
    ];
    for (const name in target.headers) headers.push(name, target.headers[name] ?? '');
    return resultOf(await caller.call({ url: target.url, headers, body }), nowMs);
  };
}

function resultOf(result: CallResult, nowMs: number): AttemptResult {
  const { status, response, address, tookMs } = result;
  const made = { status, response, address, tookMs };
  if (result.error === undefined && status >= 200 && status < 300)
    return { kind: 'delivered', error: '', ...made };
  return {
    kind: status === GONE ? 'gone' : 'failed',
    error: errorOf(result),
    ...made,
    retryAfterMs: retryAfterMs(status, result.retryAfter, nowMs),
  };
}

/** `HTTP 500: oops`, or why there was no answer. */
function errorOf({ status, response, error }: CallResult): string {
  if (status === 0) return error ?? 'no answer';
  const said = error ?? excerpt(response);
  return `HTTP ${status}${said === '' ? '' : `: ${said}`}`.slice(0, MAX_ERROR_CHARS);
}

/** The first bytes of an answer on one line; of one that is no text, nothing. */
function excerpt(response: Buffer): string {
  const first = response.subarray(0, MAX_EXCERPT_BYTES);
  // A character that is cut through at the end is left out.
  for (let cut = 0; cut < 4; cut++) {
    const text = first.subarray(0, first.length - cut);
    if (isUtf8(text))
      return text
        .toString('utf8')
        .replace(/\p{Cc}+/gu, ' ')
        .trim();
  }
  return '';
}

/** An event's type as a header may hold it: what isn't printable ASCII is percent-encoded, and so is `%`. */
function headerText(eventType: string): string {
  return /^[\x21-\x24\x26-\x7e]*$/.test(eventType)
    ? eventType
    : encodeURIComponent(eventType).replace(/%(2[0-9A-F]|[3-7][0-9A-F])/g, (whole, hex: string) =>
        hex === '25' || hex === '20' || hex === '7F' ? whole : String.fromCharCode(Number.parseInt(hex, 16)),
      );
}
