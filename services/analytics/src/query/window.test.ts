import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interval, Weekday } from '@millrace/contracts/millrace/query/v1/query';
import { periodsOfDays, type QueryWindow } from './window.ts';

const windowOf = (
  from: string,
  to: string,
  timeZone = 'UTC',
  weekStart: QueryWindow['weekStart'] = Weekday.MONDAY,
) => ({
  fromMs: Date.parse(from),
  toMs: Date.parse(to),
  column: 'received_at' as const,
  timeZone,
  weekStart,
});
const dayOf = (date: string) => Date.parse(date) / 86_400_000;

test('days, weeks and months of a zone are counted from the window on, and its end belongs to none', () => {
  assert.deepEqual(periodsOfDays(Interval.DAY, windowOf('2026-03-28T12:00:00Z', '2026-03-31T00:00:00Z')), {
    firstDay: dayOf('2026-03-28'),
    periods: [0, 1, 2],
  });
  // The first of March 2026 was a Sunday.
  const days = ['2026-02-27T00:00:00Z', '2026-03-03T00:00:00Z'] as const;
  assert.deepEqual(periodsOfDays(Interval.WEEK, windowOf(...days)).periods, [0, 0, 0, 1]);
  assert.deepEqual(
    periodsOfDays(Interval.WEEK, windowOf(...days, 'UTC', Weekday.SUNDAY)).periods,
    [0, 0, 1, 1],
  );
  assert.deepEqual(periodsOfDays(Interval.MONTH, windowOf(...days)).periods, [0, 0, 1, 1]);
  assert.deepEqual(periodsOfDays(Interval.MONTH, windowOf(...days, 'America/Havana')), {
    firstDay: dayOf('2026-02-26'),
    periods: [0, 0, 0, 1, 1],
  });
});

test('a day that a zone has left out is no period, and one before 1970 is', () => {
  const window = windowOf('2011-12-29T12:00:00Z', '2012-01-01T00:00:00Z', 'Pacific/Apia');
  assert.deepEqual(periodsOfDays(Interval.DAY, window), {
    firstDay: dayOf('2011-12-29'),
    periods: [0, 0, 1, 2],
  });
  assert.deepEqual(
    periodsOfDays(Interval.DAY, windowOf('1969-12-30T00:00:00Z', '1970-01-02T00:00:00Z')).periods,
    [0, 1, 2],
  );
});
