import { readFileSync } from 'node:fs';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';

/** What ClickHouse needs to read rows that are encoded `millrace.event.v1.Event` messages. */
export interface EventRowSchema {
  /** The proto file, without its comments: it travels with every insert. */
  readonly text: string;
  readonly messageName: string;
  /** The columns that an insert names: the message's fields. */
  readonly columns: readonly string[];
}

const PROTO_FILE = new URL('../../../../proto/millrace/event/v1/event.proto', import.meta.url);

/** Reads the contract that is the row. Throws when the file is missing from the installation. */
export function loadEventRowSchema(): EventRowSchema {
  const text = readFileSync(PROTO_FILE, 'utf8')
    .replace(/\/\/.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
  return {
    text,
    messageName: EventSchema.name,
    columns: EventSchema.fields.map((field) => field.name),
  };
}
