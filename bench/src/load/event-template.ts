import { createHash } from 'node:crypto';
import type { EventIds, LoadSpec } from './generator.ts';

/** Types of the events, which take turns within a request. */
export const EVENT_TYPES = [
  'page_view',
  'user_signup',
  'click',
  'purchase',
  'add_to_cart',
  'search',
  'logout',
  'share',
];
const USERS = 100_000;
const SESSIONS = 400_000;
const SPREADING = 7919;
const USER_DIGITS = 6;
const SESSION_DIGITS = 7;
const ID_DIGITS = 12;

/** Bytes of a request in which the numbers of its events are written in place before it is sent. */
export interface RequestTemplate {
  readonly bytes: Buffer;
  /** Makes it the request of the events from this number on. */
  renumber(firstEvent: number): void;
}

interface Digits {
  readonly at: number;
  readonly width: number;
}

/** Where an event's variable parts are. */
interface EventPlaces {
  readonly user: Digits;
  readonly session: Digits;
  readonly id: Digits | undefined;
}

/** Builds a request whose body is a single event or a batch; `variant` picks the fixed parts. */
export function buildRequest(spec: LoadSpec, variant: number): RequestTemplate {
  const events = Array.from({ length: spec.batchSize }, (_, i) =>
    exampleEvent(variant * spec.batchSize + i, spec.ids),
  );
  const body = spec.batchSize === 1 ? (events[0] ?? '') : `{"events":[${events.join(',')}]}`;
  const headers = Object.entries({ ...spec.headers, 'content-length': String(Buffer.byteLength(body)) });
  const head = `POST ${spec.path} HTTP/1.1\r\nhost: 127.0.0.1:${spec.port}\r\n${headers
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  const bytes = Buffer.from(head + body);
  const places = findPlaces(bytes, spec.batchSize);
  const cycle = spec.ids.kind === 'cycle' ? spec.ids.size : Number.POSITIVE_INFINITY;
  return {
    bytes,
    renumber(firstEvent) {
      let event = firstEvent;
      for (const { user, session, id } of places) {
        const number = cycle === Number.POSITIVE_INFINITY ? event : event % cycle;
        writeDigits(bytes, user, userNumberOf(number));
        writeDigits(bytes, session, (number * SPREADING) % SESSIONS);
        if (id !== undefined) writeDigits(bytes, id, number);
        event++;
      }
    },
  };
}

/** The id of a user. */
export function userOf(number: number): string {
  return `user_${String(number).padStart(USER_DIGITS, '0')}`;
}

/** The user of the event with this number. */
export function userOfEvent(event: number): string {
  return userOf(userNumberOf(event));
}

// Multiplied by a prime: neighbours differ, and each user has several sessions.
function userNumberOf(event: number): number {
  return (event * SPREADING) % USERS;
}

/** The published example of the analytics API, with a payload that brings it to about 500 bytes. */
function exampleEvent(variant: number, ids: EventIds): string {
  const random = createHash('sha256').update(`variant ${variant}`).digest('hex');
  const event = {
    eventType: EVENT_TYPES[variant % EVENT_TYPES.length],
    userId: userOf(0),
    sessionId: `session_${'0'.repeat(SESSION_DIGITS)}`,
    timestamp: '2024-01-30T12:34:56Z',
    metadata: { source: 'web', campaign: 'summer_promo' },
    payload: {
      referrer: 'google.com',
      browser: 'Chrome',
      page: `/products/${random.slice(0, 6)}/details?variant=${variant % 97}`,
      viewport: { width: 1440, height: 900 },
      language: 'en-GB',
      trace: random.slice(0, 48),
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/121.0 Safari/537.36',
    },
    priority: 1,
    ...(ids.kind === 'none' ? {} : { eventId: `evt_${'0'.repeat(ID_DIGITS)}` }),
  };
  return JSON.stringify(event);
}

function findPlaces(bytes: Buffer, events: number): EventPlaces[] {
  const places: EventPlaces[] = [];
  let at = 0;
  for (let event = 0; event < events; event++) {
    const user = placeOf(bytes, '"userId":"user_', USER_DIGITS, at);
    const session = placeOf(bytes, '"sessionId":"session_', SESSION_DIGITS, at);
    if (user === undefined || session === undefined) throw new Error('an event has lost its variable parts');
    // Behind the session: before it lies the id of the event before.
    const id = placeOf(bytes, '"eventId":"evt_', ID_DIGITS, session.at);
    places.push({ user, session, id });
    at = session.at;
  }
  return places;
}

function placeOf(bytes: Buffer, before: string, width: number, from: number): Digits | undefined {
  const at = bytes.indexOf(before, from);
  return at < 0 ? undefined : { at: at + before.length, width };
}

function writeDigits(bytes: Buffer, { at, width }: Digits, value: number): void {
  let rest = value;
  for (let place = at + width - 1; place >= at; place--) {
    const next = Math.floor(rest / 10);
    bytes[place] = 48 + (rest - next * 10);
    rest = next;
  }
}
