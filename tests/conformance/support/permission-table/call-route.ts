import { httpCall } from '../http-call.ts';
import { openTail } from '../open-tail.ts';

import type { Answer, Presented } from './operations.ts';
import type { SampleRequest } from './sample-request.ts';

/** Calls a route with a sample request and a credential at one of its places. */
export function callRoute(
  url: string,
  route: { readonly method: string; readonly path: string },
  { sample, presented }: { sample: SampleRequest; presented: Presented },
): Promise<Answer> {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = sample.params?.[name];
    if (value === undefined) throw new Error(`the sample of ${route.method} ${route.path} lacks :${name}`);
    return encodeURIComponent(value);
  });
  const { query: credential, headers } = present(presented);
  const query = withParameters(credential, sample.query);
  if (sample.lasts) return firstWords(`${url}${path}${query}`, headers);
  return httpCall(`${url}${path}${query}`, {
    method: route.method,
    headers: {
      ...(sample.body && { 'content-type': sample.contentType ?? 'application/json' }),
      ...headers,
    },
    ...(sample.body && { body: JSON.stringify(sample.body) }),
  });
}

function withParameters(query: string, parameters: SampleRequest['query']): string {
  if (parameters === undefined) return query;
  return `${query}${query === '' ? '?' : '&'}${new URLSearchParams(parameters)}`;
}

async function firstWords(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const tail = await openTail(url, headers);
  try {
    if (tail.status === 200) await tail.until('\n\n');
    else await tail.ended;
    return { status: tail.status, text: tail.text() };
  } finally {
    tail.leave();
  }
}

function present(presented: Presented): { query: string; headers: Readonly<Record<string, string>> } {
  const { place, secret } = presented ?? {};
  switch (place) {
    case undefined:
      return { query: '', headers: {} };
    case 'apiKey':
      return { query: '', headers: { 'x-api-key': secret ?? '' } };
    case 'bearer':
      return { query: '', headers: { authorization: `Bearer ${secret}` } };
    case 'beacon':
      return {
        query: `?key=${encodeURIComponent(secret ?? '')}`,
        headers: { 'content-type': 'text/plain' },
      };
    default:
      throw new Error(`no test knows how to present a credential as ${place}`);
  }
}
