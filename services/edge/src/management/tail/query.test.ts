import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError, MillraceError } from '@millrace/runtime';
import { benchTails, HEADERS, type OpenTail, READER } from '../../../test/tail-bench.ts';

const tails = benchTails();

const problemOf = async ({ response, ended, text }: OpenTail) => {
  await ended;
  return [response.statusCode, JSON.parse(text()).errors?.[0]?.field, response.headers['retry-after']];
};

const comparison = (field: string, test: object) => ({
  condition: { case: 'comparison', value: { field, test } },
});
const GOLD = comparison('payload.plan', {
  case: 'equals',
  value: { kind: { case: 'stringValue', value: 'gold' } },
});
const KNOWN = comparison('id', { case: 'exists', value: true });

describe('what is asked', () => {
  const nothing = { workspaceId: 'workspace-1', types: [], userId: '', after: '', last: 0 };
  const asked: [search: string, headers: Record<string, string>, question: object][] = [
    ['', {}, {}],
    ['?type=a&type=b.*&userId=ada&last=1000', {}, { types: ['a', 'b.*'], userId: 'ada', last: 1_000 }],
    ['?after=c1', {}, { after: 'c1' }],
    ['?after=c1', { 'last-event-id': 'c2' }, { after: 'c2' }],
    [
      `?filter=${encodeURIComponent('{"and":[{"field":"payload.plan","eq":"gold"},{"not":{"field":"id","exists":true}}]}')}`,
      {},
      {
        filter: {
          condition: {
            case: 'all',
            value: { filters: [GOLD, { condition: { case: 'not', value: KNOWN } }] },
          },
        },
      },
    ],
    ['?last=5', { 'last-event-id': 'c2' }, { after: 'c2', last: 5 }],
    ['', { 'last-event-id': '' }, {}],
    ['?workspaceId=other&workspace_id=other', {}, {}],
  ];
  for (const [search, headers, question] of asked) {
    test(`${search} ${JSON.stringify(headers)}`, async () => {
      await tails.open(search, { ...HEADERS, ...headers });
      assert.deepEqual(tails.analytics.asked, [{ ...nothing, ...question }]);
    });
  }

  const many = Array.from({ length: 21 }, () => 'type=t').join('&');
  const wrong: [field: RegExp, search: string][] = [
    [/^type\[0\]$/, '?type='],
    [/^type\[1\]$/, `?type=a&type=${'x'.repeat(256)}`],
    [/^type$/, `?${many}`],
    [/^userId$/, '?userId='],
    [/^userId$/, `?userId=${'x'.repeat(129)}`],
    ...['0', '1001', '-1', '1.5', '', 'ten', '1e2'].map((last): [RegExp, string] => [
      /^last$/,
      `?last=${last}`,
    ]),
    [/^filter$/, '?filter='],
    [/^filter$/, '?filter=gold'],
    [/^filter$/, `?filter=${'x'.repeat(8_193)}`],
    [/^filter\.and\[1\]\.eq$/, '?filter={"and":[{"field":"id","eq":"a"},{"field":"id","eq":null}]}'],
    [/^after$/, '?after='],
    [/^after$/, `?after=${'x'.repeat(1_025)}`],
  ];
  for (const [field, search] of wrong) {
    test(`400 names what is wrong in ${search.slice(0, 30)}`, async () => {
      const [status, named] = await problemOf(await tails.open(search));
      assert.equal(status, 400);
      assert.match(String(named), field);
      assert.deepEqual(tails.analytics.asked, []);
    });
  }

  const refused: [said: Error, search: string, headers: Record<string, string>, expected: unknown[]][] = [
    [fieldError('after', 'is no cursor'), '?after=x', {}, [400, 'after', undefined]],
    [fieldError('after', 'is no cursor'), '', { 'last-event-id': 'x' }, [400, 'Last-Event-ID', undefined]],
    [fieldError('types', 'too many'), '', {}, [400, 'type', undefined]],
    [
      fieldError('filter.all.filters[1].comparison.field', 'must be one of …'),
      '?filter={"and":[]}',
      { 'last-event-id': 'c' },
      [400, 'filter.and[1].field', undefined],
    ],
    [new MillraceError('resource_exhausted', 'too many tails'), '', {}, [429, undefined, '5']],
    [new MillraceError('unavailable', 'NATS is away'), '', {}, [503, undefined, '1']],
    [new TypeError('a secret'), '', {}, [500, undefined, undefined]],
  ];
  for (const [said, search, headers, expected] of refused) {
    test(`${expected[0]} when analytics says ${said.message}`, async () => {
      tails.analytics.fail(said);
      const tail = await tails.open(search, { ...HEADERS, ...headers });
      assert.deepEqual(await problemOf(tail), expected);
      assert.ok(!tail.text().includes('a secret'));
    });
  }

  test('401 without a good credential, 403 without events:read', async () => {
    assert.equal((await tails.open('', {})).response.statusCode, 401);
    tails.verdict = () => ({ kind: 'refused', refusal: Refusal.UNKNOWN });
    assert.equal((await tails.open()).response.statusCode, 401);
    tails.verdict = () => ({ ...READER, permissions: new Set(['events:write', 'analytics:read']) });
    assert.equal((await tails.open()).response.statusCode, 403);
    assert.deepEqual(tails.analytics.asked, []);
  });
});
