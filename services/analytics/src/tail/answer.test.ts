import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { TailEventsRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { readEvent } from '@millrace/wire';
import { createFakeFeed, tailOver } from '../../test/tail.ts';
import { answerTail } from './answer.ts';

async function openWith(filter: JsonValue) {
  const feed = createFakeFeed();
  const { tail } = tailOver(feed);
  const over = new AbortController();
  const request = create(TailEventsRequestSchema, {
    workspaceId: 'w',
    filter: fromJson(FilterSchema, filter),
  });
  const answers = answerTail(tail, request, { signal: over.signal, closing: over.signal });
  return { feed, answers, over };
}

test('a tail with a filter shows what meets it', async () => {
  const { feed, answers, over } = await openWith({
    comparison: { field: 'payload.plan', in: ['gold', 'silver'] },
  });
  await answers.next();
  feed.publish([
    { id: '1', payload: '{"plan":"free"}' },
    { id: '2', payload: '{"plan":"silver"}' },
    { id: '3', payload: '{}' },
    { id: '4', payload: '{"plan":"gold"}' },
  ]);
  const shown: string[] = [];
  while (shown.length < 2) {
    const { value } = await answers.next();
    for (const { event } of value?.events ?? [])
      shown.push(readEvent(Buffer.from(event ?? new Uint8Array())).eventId);
  }
  assert.deepEqual(shown, ['2', '4']);
  over.abort();
  await answers.return(undefined);
});

test('invalid_argument: names the place in the filter', async () => {
  const { answers } = await openWith({ any: { filters: [{ comparison: { field: 'plan', exists: true } }] } });
  await assert.rejects(answers.next(), {
    code: 'invalid_argument',
    message: /^filter\.any\.filters\[0\]\.comparison\.field: must be one of /,
  });
});
