import { z } from 'zod';
import type { Reply } from '../server/exchange.ts';

/** A reply whose body is what the schema describes: the compiler holds it to that, and the conformance suite what is sent. */
export function jsonReply<Schema extends z.ZodType>(
  _schema: Schema,
  status: number,
  body: z.output<Schema>,
  headers?: readonly string[],
): Reply {
  return { status, body: JSON.stringify(body), ...(headers && { headers }) };
}

/** A time as answers write it: RFC 3339 with milliseconds, in UTC. */
export function instant() {
  return z.string().meta({ format: 'date-time' });
}

/** One of the codes that an API gives to failures. */
export function codeIn<const Table extends Readonly<Record<string, string>>>(table: Table) {
  // Object.values forgets which strings the table holds.
  return z.enum([...new Set(Object.values(table))] as Table[keyof Table][]);
}
