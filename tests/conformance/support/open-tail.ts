import { once } from 'node:events';
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** A server-sent event. */
export interface SentEvent {
  readonly id: string;
  /** `event`, `gap` or `end`. */
  readonly kind: string;
  /** Of JSON. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A tail that is read as it comes. */
export interface OpenTail {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of all that has come. */
  text(): string;
  /** All events that have come whole. */
  sent(): SentEvent[];
  /** The newest id. */
  lastId(): string;
  /** Resolves when a text has come, or so many events, or the end. */
  until(what: string | number): Promise<void>;
  /** Resolves when nothing follows. */
  readonly ended: Promise<void>;
  /** Takes nothing more until it is read on. */
  pause(): void;
  readOn(): void;
  leave(): void;
}

/** What is kept of a tail as text, in characters. */
const MAX_TEXT_CHARS = 1_000_000;

/** Opens `GET /v1/events/tail` at a URL; resolves when its head has come. */
export async function openTail(url: string, headers: Readonly<Record<string, string>>): Promise<OpenTail> {
  // Whoever waits for an end that doesn't come fails by the test's time limit.
  const outgoing = get(url, { headers, agent: false });
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  let rest: string[] = [];
  const sent: SentEvent[] = [];
  let lastId = '';
  let isOver = false;
  response.setEncoding('utf8');
  // A connection that breaks off is an end.
  response.on('error', () => undefined);
  response.on('data', (chunk: string) => {
    if (text.length < MAX_TEXT_CHARS) text += chunk;
    rest.push(chunk);
    if (!chunk.includes('\n')) return;
    const frames = rest.join('').split('\n\n');
    rest = [frames.pop() ?? ''];
    for (const frame of frames) {
      lastId = /^id: (.*)$/m.exec(frame)?.[1] ?? lastId;
      const kind = /^event: (.*)$/m.exec(frame)?.[1];
      const data = [...frame.matchAll(/^data: (.*)$/gm)].map(([, line]) => line).join('\n');
      if (kind !== undefined) sent.push({ id: lastId, kind, data: JSON.parse(data) });
    }
  });
  const ended = new Promise<void>((resolve) => {
    response.once('close', () => {
      isOver = true;
      resolve();
    });
  });
  const has = (what: string | number) =>
    typeof what === 'string'
      ? text.includes(what)
      : sent.filter(({ kind }) => kind === 'event').length >= what;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: () => text,
    sent: () => [...sent],
    lastId: () => lastId,
    async until(what) {
      while (!has(what) && !isOver) {
        const more = new AbortController();
        await Promise.race([once(response, 'data', { signal: more.signal }).catch(() => undefined), ended]);
        more.abort();
      }
    },
    ended,
    pause: () => void response.pause(),
    readOn: () => void response.resume(),
    leave: () => void outgoing.destroy(),
  };
}
