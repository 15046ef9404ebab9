import { cloudEventsDialect } from '../src/dialects/cloudevents/routes.ts';
import { benchDialect, KEYS, NOW_MS } from './dialect-harness.ts';

/** The content type of a structured event. */
export const STRUCTURED = 'application/cloudevents+json';
/** The content type of a batch. */
export const BATCHED = 'application/cloudevents-batch+json';

/** The example of the specification. */
export const SPEC_EXAMPLE = {
  specversion: '1.0',
  type: 'com.example.someevent',
  source: '/mycontext',
  subject: null,
  id: 'C234-1234-1234',
  time: '2018-04-05T17:31:00Z',
  comexampleextension1: 'value',
  comexampleothervalue: 5,
  datacontenttype: 'application/json',
  data: { appinfoA: 'abc', appinfoB: 123, appinfoC: true },
};

/** The attributes that a binary event must have. */
export const CE_HEADERS = { 'ce-specversion': '1.0', 'ce-type': 't', 'ce-source': '/s', 'ce-id': '1' };

/** The dialect on the bench, and a way to send to it with a writer's key. */
export function openBench() {
  const bench = benchDialect(cloudEventsDialect);
  return {
    bench,
    send: (body: unknown, given: Record<string, string>) =>
      bench.send('POST', '/cloudevents', {
        headers: { 'x-api-key': KEYS.writer, ...given },
        body,
        receivedAtMs: NOW_MS,
      }),
  };
}
