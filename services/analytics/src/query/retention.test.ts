import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { FilterSchema, RetentionSchema, Weekday } from '@millrace/contracts/millrace/query/v1/query';
import { retentionStatement } from './retention.ts';
import type { QueryWindow } from './window.ts';

const WINDOW: QueryWindow = {
  fromMs: Date.UTC(2026, 9, 1, 5, 30),
  toMs: Date.UTC(2026, 10, 1, 7),
  column: 'received_at',
  timeZone: 'Europe/Berlin',
  weekStart: Weekday.MONDAY,
};

const readsRollups = (
  retention: MessageInitShape<typeof RetentionSchema>,
  window: Partial<QueryWindow> = {},
  filter?: MessageInitShape<typeof FilterSchema>,
): boolean =>
  retentionStatement(create(RetentionSchema, retention), {
    workspaceId: 'w',
    window: { ...WINDOW, ...window },
    filter: filter && create(FilterSchema, filter),
  }).readsRollups;

test('whoever does anything is read by the hour', () => {
  assert.equal(readsRollups({}), true);
  assert.equal(readsRollups({ by: 'sessionId' }), true);
  assert.equal(readsRollups({ start: {}, return: { name: 'back' } }), true);
});

test('what the hours of the rollup do not tell is read from the rows', () => {
  assert.equal(readsRollups({ start: { type: 'a' } }), false);
  assert.equal(readsRollups({ return: { type: 'a' } }), false);
  assert.equal(readsRollups({}, { column: 'occurred_at' }), false);
  const condition = {
    case: 'comparison',
    value: { field: 'type', test: { case: 'exists', value: true } },
  } as const;
  assert.equal(readsRollups({}, {}, { condition }), false);
});

test('days of zones that are half an hour off are read from the rows', () => {
  for (const timeZone of ['Asia/Kolkata', 'Asia/Kathmandu', 'Australia/Adelaide']) {
    assert.equal(readsRollups({}, { timeZone }), false, timeZone);
  }
  // Half an hour off in winter only.
  const timeZone = 'Australia/Lord_Howe';
  const winter = { fromMs: Date.UTC(2026, 5, 1), toMs: Date.UTC(2026, 6, 1) };
  const summer = { fromMs: Date.UTC(2026, 11, 1), toMs: Date.UTC(2026, 11, 20) };
  assert.equal(readsRollups({}, { timeZone, ...winter }), false);
  assert.equal(readsRollups({}, { timeZone, ...summer }), true);
  assert.equal(
    readsRollups({}, { timeZone, fromMs: Date.UTC(2026, 8, 20), toMs: Date.UTC(2026, 9, 20) }),
    false,
  );
});
