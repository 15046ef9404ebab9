import type { Filter } from '@millrace/contracts/millrace/query/v1/query';
import type { ReadEvent } from '../read-event.ts';
import type { Field } from './field.ts';
import { type JsonDocument, memberAt, readDocument } from './json-document.ts';
import { type Condition, type Operator, readFilter } from './read-filter.ts';

/** What of an event a filter may ask for. */
export type FilteredEvent = Omit<ReadEvent, 'workspaceId' | 'isWhole'>;

/** Whether an event meets a filter. Never throws. */
export type EventFilter = (event: FilteredEvent) => boolean;

/**
 * A filter as a check of events in memory; of the same events it lets through what the store's answers have. Payload and metadata are
 * parsed when a filter asks for them, once for all filters that look at an event one after the other; the last event's are kept. Throws
 * MillraceError `invalid_argument` that names the place, for example `filter.all.filters[2].comparison.field`.
 */
export function compileEventFilter(filter: Filter, place = 'filter'): EventFilter {
  return checkOf(readFilter(filter, place));
}

function checkOf(condition: Condition): EventFilter {
  switch (condition.kind) {
    case 'all': {
      const checks = condition.conditions.map(checkOf);
      return (event) => checks.every((check) => check(event));
    }
    case 'any': {
      const checks = condition.conditions.map(checkOf);
      return (event) => checks.some((check) => check(event));
    }
    case 'not': {
      const check = checkOf(condition.condition);
      return (event) => !check(event);
    }
    case 'exists': {
      const values = valuesOf(condition.field);
      return (event) => values(event).length > 0;
    }
    case 'oneOf': {
      const { texts, numbers, flags } = condition;
      const wanted = new Set<unknown>([...texts, ...numbers, ...flags]);
      return someOf(condition.field, (value) => wanted.has(value));
    }
    case 'contains': {
      const { text } = condition;
      return someOf(condition.field, (value) => typeof value === 'string' && value.includes(text));
    }
    case 'startsWith': {
      const { text } = condition;
      return someOf(condition.field, (value) => typeof value === 'string' && value.startsWith(text));
    }
    case 'range': {
      const { bounds } = condition;
      return someOf(
        condition.field,
        (value) =>
          typeof value === 'number' &&
          bounds.every((bound) => OPERATIONS[bound.operator](value, bound.value)),
      );
    }
  }
}

const OPERATIONS: Readonly<Record<Operator, (value: number, bound: number) => boolean>> = {
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
};

function someOf(field: Field, test: (value: unknown) => boolean): EventFilter {
  const values = valuesOf(field);
  return (event) => values(event).some(test);
}

const NONE: readonly unknown[] = [];

/** The values of a field: none where it is missing or null, those of a list for a list; times in milliseconds since 1970. */
function valuesOf(field: Field): (event: FilteredEvent) => readonly unknown[] {
  if (field.kind === 'path') {
    const { column, keys } = field;
    return (event) => {
      const value = memberAt(documentsOf(event).of(column)?.value, keys) ?? undefined;
      return value === undefined ? NONE : [value];
    };
  }
  const property = PROPERTIES[field.name];
  if (property === undefined) throw new TypeError(`events have no ${field.name}`);
  if (field.kind === 'list') return (event) => event[property] as readonly string[];
  return (event) => (event[property] === '' ? NONE : [event[property]]);
}

const PROPERTIES: Readonly<Record<string, keyof FilteredEvent>> = {
  id: 'eventId',
  type: 'eventType',
  dialect: 'dialect',
  source: 'source',
  userId: 'userId',
  sessionId: 'sessionId',
  traceId: 'traceId',
  priority: 'priority',
  labels: 'labels',
  occurredAt: 'occurredAtMs',
  receivedAt: 'receivedAtMs',
};

/** An event's JSON, parsed when it is asked for. */
class Documents {
  readonly event: FilteredEvent;
  readonly #read: { payload?: JsonDocument | undefined; metadata?: JsonDocument | undefined } = {};

  constructor(event: FilteredEvent) {
    this.event = event;
  }

  of(root: 'payload' | 'metadata'): JsonDocument | undefined {
    if (!(root in this.#read)) this.#read[root] = readDocument(this.event[root]);
    return this.#read[root];
  }
}

/** Of the last event only: parsed JSON is many times as large as its text, and events may wait long for their endpoints. */
let last: Documents | undefined;

function documentsOf(event: FilteredEvent): Documents {
  if (last?.event !== event) last = new Documents(event);
  return last;
}
