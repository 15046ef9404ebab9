import { type HttpAnswer, type HttpCall, httpCall as send } from '@millrace/testkit';
import { openApiCheckOf } from './openapi.ts';

/**
 * Sends one request to a stack, and holds whatever comes back against the stack's own `/openapi.json`: the status and the content
 * type must be documented, the body must match its schema. Every HTTP call of the suite goes through here, but for those of other
 * people's clients and of the admin port.
 */
export async function httpCall(url: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const [, origin = '', path = ''] = /^(http:\/\/[^/?]+)([^?#]*)/.exec(url) ?? [];
  const [check, answer] = await Promise.all([openApiCheckOf(origin), send(url, call)]);
  check({ method: call.method ?? 'POST', path: path || '/' }, answer);
  return answer;
}
