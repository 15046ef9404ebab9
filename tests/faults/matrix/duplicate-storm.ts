import { duplicatesIn, nativeRequest } from '../client/dialect-requests.ts';
import type { Fault, FaultContext } from './fault.ts';
import { everySetup } from './fault.ts';

const connections = 64;
const eventsPerRequest = 100;
const leastDuplicates = 0.99;

/** Every id many times at once: one row each, and the duplicates are answered as duplicates. */
export function duplicateStorm(ids: number, deliveriesEach: number): Fault {
  return {
    name: 'duplicate-storm',
    setups: everySetup,
    load: 'none',
    inject: (context) => storm(context, ids, deliveriesEach),
  };
}

async function storm(context: FaultContext, idCount: number, deliveriesEach: number): Promise<void> {
  const { client, ledger, stack, round } = context;
  const connection = stack.connection();
  const ids = Array.from(
    { length: idCount },
    (_, i) => `${context.prefix}-${round}${String(i).padStart(6, '0')}`,
  );
  ledger.sent(ids);
  const deliveries = Array.from({ length: deliveriesEach }, () => shuffled(ids)).flatMap(inRequests);
  let duplicates = 0;
  let next = 0;
  const worker = async () => {
    for (let batch = deliveries[next++]; batch !== undefined; batch = deliveries[next++]) {
      const request = nativeRequest(connection, batch);
      for (;;) {
        const answer = await client.send(request);
        if (answer.kind !== 'stored') continue;
        ledger.accepted(answer.ids);
        duplicates += duplicatesIn(answer.body);
        if (answer.ids.length === batch.length) break;
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const expected = idCount * (deliveriesEach - 1);
  if (duplicates < expected * leastDuplicates) {
    throw new Error(`${duplicates} of ${expected} duplicates were answered as such`);
  }
}

function inRequests(ids: readonly string[]): string[][] {
  const requests: string[][] = [];
  for (let from = 0; from < ids.length; from += eventsPerRequest)
    requests.push(ids.slice(from, from + eventsPerRequest));
  return requests;
}

function shuffled(ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ id }) => id);
}
