import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { eventually, httpCall, onEachTopology } from '@millrace/testkit';
import { INGEST_ROUTES, type IngestRoute } from './support/ingest-routes.ts';

// What is checked is the parsed value, what is stored is the text: with a member twice, the two must mean the same one.
onEachTopology('a member that is there twice', (stack) => {
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

    test(`the last one counts: ${route.name}`, async () => {
      const marker = randomUUID();
      const last = `{"last":"${marker}"}`;
      const answer = await send(
        route,
        `"${free}":{"first":"${marker}"},"${free}":"${marker}","${free}":${last}`,
      );
      assert.ok(answer.status >= 200 && answer.status < 300, answer.text);
      const sql =
        'SELECT payload, metadata FROM events WHERE position(concat(payload, metadata), {marker:String}) > 0';
      await eventually(async () => {
        const [row, ...more] = await stack().inspector.rows(sql, { marker });
        assert.ok(row);
        assert.deepEqual(more, []);
        assert.ok(row['payload'] === last || row['metadata'] === last, JSON.stringify(row));
      });
    });

    // CloudEvents data may be any JSON.
    if (free === 'data') continue;
    test(`400: the last one is checked: ${route.name}`, async () => {
      const answer = await send(route, `"${free}":{"a":1},"${free}":"b"`);
      assert.equal(answer.status, 400, answer.text);
    });
  }
});
