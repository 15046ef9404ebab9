import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { countSettled } from './support/stored-events.ts';

onEachTopology('properties', (stack) => {
  const run = randomUUID().slice(0, 8);
  const type = `property.${run}`;
  const path = `payload.plan-${run}`;
  const call = (
    method: string,
    target: string,
    body?: unknown,
    key = stack().connection.credentials.apiKey,
  ) =>
    httpCall(`${stack().connection.url}${target}`, {
      method,
      headers: { 'x-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const remove = (name: string) => call('DELETE', `/v1/properties?path=${encodeURIComponent(name)}`);
  const list = async () => {
    const answer = await call('GET', '/v1/properties');
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as {
      properties: { path: string; state: string; events: number; filledEvents: number }[];
      suggestions: { path: string; questions: number }[];
    };
  };
  const send = async (plans: readonly string[]) => {
    const before = await countSettled(stack(), { eventType: type });
    const events = plans.map((plan) => ({ type, payload: { [`plan-${run}`]: plan } }));
    const answer = await call('POST', '/v1/ingest', events);
    assert.equal(answer.status, 202, answer.text);
    await eventually(async () =>
      assert.equal(await countSettled(stack(), { eventType: type }), before + plans.length),
    );
  };
  const byPlan = async () => {
    const answer = await call('POST', '/v1/query', {
      filter: { field: 'type', eq: type },
      breakdown: { fields: [path] },
    });
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as { rows: unknown[][]; readBy: string; unregisteredProperties: string[] };
  };

  test('what is asked about is suggested, and once registered read from its column, old events and new', async () => {
    await send(['gold', 'gold', 'free']);
    const unregistered = await byPlan();
    assert.deepEqual([unregistered.readBy, unregistered.unregisteredProperties], ['json', [path]]);
    assert.ok((await list()).suggestions.some((one) => one.path === path && one.questions >= 1));

    const created = await call('PUT', '/v1/properties', { path });
    assert.equal(created.status, 201, created.text);
    assert.equal(textAt(created.json(), 'type'), 'text');
    assert.equal((await call('PUT', '/v1/properties', { path, type: 'text' })).status, 200);
    assert.ok((await list()).suggestions.every((one) => one.path !== path));
    await eventually(async () => {
      const property = (await list()).properties.find((one) => one.path === path);
      assert.equal(property?.state, 'ready', JSON.stringify(property));
      assert.equal(property?.filledEvents, property?.events);
    });
    const { rows, readBy, unregisteredProperties } = await byPlan();
    assert.deepEqual(rows, unregistered.rows);
    assert.deepEqual([readBy, unregisteredProperties], ['columns', []]);

    await send(['free', 'free']);
    const later = await byPlan();
    assert.equal(later.readBy, 'columns');
    assert.deepEqual(
      later.rows.map((row) => row.slice(0, 2)),
      [
        ['free', 3],
        ['gold', 2],
      ],
    );
    const { entries } = (await call('GET', '/v1/audit?action=property.put&limit=10')).json() as {
      entries: { target: { id: string } }[];
    };
    await eventually(async () => assert.ok(entries.some(({ target }) => target.id === path)));

    assert.equal((await remove(path)).status, 204);
    assert.equal((await byPlan()).readBy, 'json');
    assert.equal((await remove(path)).status, 404);
  });

  describe('400: names the field', () => {
    const refused: [what: string, body: unknown, field: string][] = [
      ['no path', {}, 'path'],
      ['an empty path', { path: '' }, 'path'],
      ['a field that every event has', { path: 'userId' }, 'path'],
      ['a path that can not be read', { path: 'payload.a..b' }, 'path'],
      ['the whole payload', { path: 'payload' }, 'path'],
      ['SQL', { path: "payload'); DROP TABLE events --" }, 'path'],
      ['an unknown type', { path: 'payload.a', type: 'date' }, 'type'],
      ['an unknown field', { path: 'payload.a', kind: 'text' }, 'kind'],
    ];
    for (const [what, body, field] of refused) {
      test(what, async () => {
        const answer = await call('PUT', '/v1/properties', body);
        assert.equal(answer.status, 400, answer.text);
        assert.match(
          JSON.stringify(memberOf(answer.json(), 'errors')),
          new RegExp(`"${field}"`),
          answer.text,
        );
      });
    }

    test('a ninth of a type', async () => {
      const paths = Array.from({ length: 9 }, (_, i) => `metadata.p${i}-${run}`);
      const answers = [];
      for (const one of paths)
        answers.push(await call('PUT', '/v1/properties', { path: one, type: 'number' }));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [...Array(8).fill(201), 400],
      );
      assert.match(answers[8]?.text ?? '', /"type".*at most 8 number properties/);
      for (const one of paths.slice(0, 8)) assert.equal((await remove(one)).status, 204);
    });

    test('DELETE without a path', async () => {
      const answer = await call('DELETE', '/v1/properties');
      assert.equal(answer.status, 400, answer.text);
    });
  });
});
