import type { ComparisonJson, FilterJson, QueryEvent } from './event-model.ts';
import type { Random } from './random.ts';

/** Moments at which clocks change in one of `ZONES`, or just a day begins. */
const INTERESTING = [
  '2025-10-26T01:00:00Z',
  '2026-03-29T01:00:00Z',
  '2025-10-30T21:00:00Z',
  '2026-04-23T22:00:00Z',
  '2025-10-25T21:00:00Z',
  '2026-03-28T22:00:00Z',
  '2025-10-04T15:30:00Z',
  '2026-04-04T15:00:00Z',
  '2025-11-02T05:00:00Z',
  '2026-03-08T05:00:00Z',
  '2025-09-07T04:00:00Z',
  '2026-04-05T03:00:00Z',
  '2026-01-01T00:00:00Z',
].map((time) => Date.parse(time));

/** Clocks of every kind: hours that come twice or never, also at midnight; half and quarter hours; a change by half an hour. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Africa/Cairo',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'America/Havana',
  'America/Santiago',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Pacific/Kiritimati',
] as const;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A time at which something may go wrong. */
export function randomTime(random: Random): number {
  const at = random.pick(INTERESTING);
  switch (random.below(5)) {
    case 0:
      return at + random.below(3) - 1;
    case 1:
      return at + (random.below(200) - 100) * 15 * 60_000 + random.below(3) - 1;
    case 2:
      return at + random.below(2 * DAY_MS) - DAY_MS;
    default:
      return at + (random.below(60) - 30) * DAY_MS + random.below(DAY_MS);
  }
}

/** JSON that a field may hold. */
const ODD_NUMBERS = [
  '9007199254740993',
  '9007199254740992',
  '123456789012345678901234567',
  '-0',
  '-0.0',
  '0',
  '1e5',
  '100000',
  '18446744073709551615',
  '1.50',
  '1.5',
  '5e-324',
  '-7',
];
const ODD_VALUES = [
  '"text"',
  '"12"',
  '12',
  '""',
  'true',
  'false',
  'null',
  '{}',
  '{"b":1,"c":[1,2]}',
  '[]',
  '[1,"x"]',
  '"x\\ty\\"\\\\"',
  '"ÄÖ 😀"',
  '"true"',
  '"-0"',
];
const TEXTS = ['free', 'pro', 'Pro', "it's; DROP", 'tab\there', 'ÄÖ', 'back\\slash', '%_', 'x'.repeat(40)];

/** Paths into what `randomEvents` makes. */
export const PATHS = [
  'payload.amount',
  'payload.odd',
  'payload.any',
  'payload.plan',
  'payload.cart.total',
  'payload.items[0]',
  'payload.items[1].sku',
  'payload["odd key"].x',
  'payload["a.b"]',
  'payload[""]',
  'payload["quo\\"te\\\\"]',
  'payload.ünï',
  'payload.0',
  'payload.missing.deep[3]',
  'metadata.source',
  'metadata["0"]',
] as const;
/** Fields of numbers whose sums are exact. */
export const NUMBERS = ['payload.amount', 'payload.cart.total', 'payload.items[0]', 'priority'] as const;
/** Fields that every event has. */
export const COLUMNS = [
  'id',
  'type',
  'dialect',
  'source',
  'userId',
  'sessionId',
  'priority',
  'labels',
  'traceId',
  'occurredAt',
  'receivedAt',
] as const;

/** Events of two workspaces with the same ids and names. */
export function randomEvents(random: Random, count: number): QueryEvent[] {
  return Array.from({ length: count }, (_, position) => {
    const receivedMs = randomTime(random);
    const text = () => JSON.stringify(random.pick(TEXTS));
    const quarter = () => String((random.below(4_000) - 1_000) / 4);
    const members = [
      `"amount":${random.pick([quarter(), quarter(), quarter(), '"12"', 'null'])}`,
      `"odd":${random.pick(ODD_NUMBERS)}`,
      `"any":${random.pick(ODD_VALUES)}`,
      `"plan":${text()}`,
      `"cart":${random.pick([`{"total":${quarter()}}`, '7', `{"total":${text()}}`])}`,
      `"items":${random.pick([`[${quarter()},{"sku":${text()}}]`, '[]', '{"a":1,"b":{"sku":"no"}}'])}`,
      `"odd key":{"x":${random.pick(ODD_VALUES)}}`,
      `"a.b":${text()},"a":{"b":"not this"}`,
      `"":${text()}`,
      `"quo\\"te\\\\":${quarter()}`,
      `"ünï":${text()}`,
      `"0":${random.pick(ODD_VALUES)}`,
    ].filter(() => random.below(5) > 0);
    const userId = random.below(8) === 0 ? '' : `user_${random.below(40)}`;
    return {
      workspaceId: random.pick(['w1', 'w1', 'w1', 'w2']),
      id: `e${random.below(count)}`,
      type: random.pick(['click', 'page_view', 'purchase', ...TEXTS]),
      dialect: random.pick(['native', 'analytics']),
      source: random.pick(['', '/shop', '/ShopFront']),
      userId,
      sessionId: random.below(6) === 0 ? '' : `s${userId}${random.below(3)}`,
      traceId: random.pick(['', 'abc']),
      priority: 1 + random.below(10),
      labels: random.pick([[], ['inbox'], ['inbox', 'Work'], ['a,b', "it's"]]),
      occurredMs: random.pick([receivedMs, receivedMs - random.below(3 * DAY_MS), randomTime(random)]),
      receivedMs,
      payload: `{${members.join(', ')}}`,
      metadata: random.pick(['{}', '{"source":"mail"}', '{"source":"web","0":false}']),
      position,
    };
  });
}

/** A filter that some of the events meet. */
export function randomFilter(random: Random, depth = 0): FilterJson {
  const inner = () => Array.from({ length: random.below(4) }, () => randomFilter(random, depth + 1));
  switch (depth > 3 ? 9 : random.below(8)) {
    case 0:
      return { all: { filters: inner() } };
    case 1:
      return { any: { filters: inner() } };
    case 2:
      return { not: randomFilter(random, depth + 1) };
    default:
      return { comparison: randomComparison(random) };
  }
}

function randomComparison(random: Random): ComparisonJson {
  const field = random.pick([...COLUMNS, ...PATHS, ...PATHS]);
  const isPath = (PATHS as readonly string[]).includes(field);
  const kind = isPath ? 'path' : field === 'priority' ? 'number' : /At$/.test(field) ? 'time' : 'text';
  const number = () =>
    random.pick([
      0,
      -0,
      5,
      1.5,
      12,
      100_000,
      2 ** 53 + 2,
      Number('123456789012345678901234567'),
      (random.below(4_000) - 1_000) / 4,
    ]);
  const text = () =>
    random.pick([
      '',
      'text',
      '12',
      'page_view',
      'click',
      'user_1',
      'inbox',
      'Work',
      'native',
      '/shop',
      'mail',
      '-0',
      'true',
      'x\ty"\\',
      'ÄÖ 😀',
      ...TEXTS,
    ]);
  const time = () => new Date(randomTime(random)).toISOString();
  const scalars = {
    path: [number, text, () => random.below(2) === 0],
    number: [number],
    time: [time],
    text: [text],
  }[kind];
  const scalar = () => random.pick<() => string | number | boolean>(scalars)();
  const test = random.below(6);
  if (test === 0) return { field, exists: random.below(2) === 0 };
  if (test === 1) return { field, in: Array.from({ length: random.below(5) }, scalar) };
  if (test <= 3 && kind !== 'text') {
    const bound = kind === 'time' ? time : number;
    const lower = random.pick(['gt', 'gte'] as const);
    const upper = random.pick(['lt', 'lte'] as const);
    const range = random.pick([
      { [lower]: bound() },
      { [upper]: bound() },
      { [lower]: bound(), [upper]: bound() },
    ]);
    return { field, range };
  }
  if (test <= 4 && (kind === 'text' || kind === 'path')) {
    const whole = [...text()];
    const from = random.below(3);
    return random.below(2) === 0
      ? { field, startsWith: whole.slice(0, from).join('') }
      : { field, contains: whole.slice(from, from + 3).join('') };
  }
  return { field, equals: scalar() };
}
