import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { onStandalone } from '@millrace/testkit';
import { httpCall } from './support/http-call.ts';
import { INGEST_ROUTES, type IngestRoute } from './support/ingest-routes.ts';

// What is checked is the parsed value, what is stored is the text, and readers differ in which of two members they take.
onStandalone('a member that is there twice', (stack) => {
  const send = (route: IngestRoute, members: string) => {
    const { [route.free ?? '']: _, ...rest } = route.event();
    const event = `{${members},${JSON.stringify(rest).slice(1)}`;
    return httpCall(`${stack().connection.url}${route.path(stack())}`, {
      headers: { 'content-type': route.contentType, ...route.credential(stack()) },
      body: route.wrap(event),
    });
  };

  for (const route of INGEST_ROUTES) {
    const { free } = route;
    if (free === undefined) continue;
    const name = randomUUID();
    const bodies = {
      'in what is stored': `"${free}":{"${name}":"gold","${name}":"free"}`,
      'deeper, with escapes': `"${free}":{"list":[{"plan":1,"pl\\u0061n":2}]}`,
      'of the event itself': `"${free}":{"a":1},"${free}":{"a":1}`,
    };
    for (const [place, members] of Object.entries(bodies)) {
      test(`400 ${place}: ${route.name}`, async () => {
        const answer = await send(route, members);
        assert.equal(answer.status, 400, answer.text);
        // The workflow API's message is one for all; its details tell which.
        assert.match(answer.text, /Member name is there twice/);
      });
    }
  }
});
