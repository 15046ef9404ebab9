import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';

/** Tails to open, one for each query string. */
export interface TailWishes {
  readonly url: string;
  readonly apiKey: string;
  readonly queries: readonly string[];
}

/** Tails that are read as fast as they come. */
export interface WatchedTails {
  /** Events that came over all of them. */
  readonly events: number;
  /** Tails that ended by themselves; none should. */
  readonly ended: number;
  close(): void;
}

const OPEN_AT_ONCE = 50;
const EVENT_LINE = '\nevent: event\n';

/** Opens tails; resolves when each of them has begun, so that it misses nothing from then on. */
export async function watchTails({ url, apiKey, queries }: TailWishes): Promise<WatchedTails> {
  const outgoing: ClientRequest[] = [];
  let isClosing = false;
  const watched = {
    events: 0,
    ended: 0,
    close() {
      isClosing = true;
      for (const one of outgoing) one.destroy();
    },
  };
  const open = async (query: string): Promise<void> => {
    const request = get(`${url}/v1/events/tail?${query}`, { headers: { 'x-api-key': apiKey }, agent: false });
    outgoing.push(request);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`a tail was answered ${response.statusCode}`);
    const count = createEventCounter();
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      watched.events += count(text);
    });
    // What breaks off has ended, too.
    response.on('error', () => undefined);
    response.once('close', () => {
      if (!isClosing) watched.ended++;
    });
    await once(response, 'data');
  };
  for (let from = 0; from < queries.length; from += OPEN_AT_ONCE) {
    await Promise.all(queries.slice(from, from + OPEN_AT_ONCE).map(open));
  }
  return watched;
}

/** Counts the events in pieces of a stream of server-sent events, wherever they were cut. */
export function createEventCounter(): (piece: string) => number {
  let rest = '';
  return (piece) => {
    const text = rest + piece;
    let events = 0;
    for (let at = text.indexOf(EVENT_LINE); at >= 0; at = text.indexOf(EVENT_LINE, at + 1)) events++;
    // One less than what is counted, or it would be counted twice.
    rest = text.slice(-(EVENT_LINE.length - 1));
    return events;
  };
}
