import type { Column } from '@millrace/contracts/millrace/query/v1/query';

/** A question to ClickHouse in its words. Everything that a client has said is in `params`. */
export interface Statement {
  /** One SELECT, without a FORMAT. */
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What it selects, in order. */
  readonly columns: readonly Omit<Column, '$typeName' | '$unknown'>[];
  /** Whether payloads or metadata are parsed row by row. */
  readonly parsesJson: boolean;
  /** Paths that it reads from JSON and that are no properties, in the order of the question. */
  readonly unregisteredPaths: readonly string[];
  /** Whether it reads JSON, parsed or from the columns of properties; no projection has any of that. */
  readonly readsJson: boolean;
  /** Whether its SELECT has rollups to be filled in: see `askRollups`. */
  readonly readsRollups: boolean;
  /** Selects a row if one of those that are read lacks a property that the statement takes from its column. */
  readonly unfilled: string | undefined;
}

/** Types of parameters that statements use. */
export type ParameterType =
  | 'String'
  | 'Float64'
  | 'Int64'
  | 'UInt32'
  | 'Array(String)'
  | 'Array(Float64)'
  | 'Array(Int64)'
  | 'Array(UInt8)';

/** A column that has a property's values. */
export interface PropertyColumn {
  readonly name: string;
  /** `text` has a text of every value, `number` what is a number; from one that is `unread` nothing is taken. */
  readonly kind: 'text' | 'number' | 'unread';
  /** The first version of the workspace's properties that fills it: rows of an earlier one hold something else. */
  readonly since: number;
}

/** The columns of a workspace's properties, by `propertyKey`. */
export type PropertyColumns = ReadonlyMap<string, PropertyColumn>;

/** Names a path into an event's JSON, however it was written. */
export function propertyKey(root: 'payload' | 'metadata', keys: readonly (string | number)[]): string {
  return JSON.stringify([root, ...keys]);
}

/** The same properties, none of which is taken from its column. */
export function unreadColumns(properties: PropertyColumns): PropertyColumns {
  return new Map([...properties].map(([key, column]) => [key, { ...column, kind: 'unread' }]));
}

const NO_PROPERTIES: PropertyColumns = new Map();

/**
 * A statement under construction: gives every value of a client's a name to stand for it, and every path into JSON its property's
 * column, or where there is none a column of its own, so that it is parsed once.
 */
export class StatementDraft {
  readonly params: Record<string, unknown> = {};
  readonly #properties: PropertyColumns;
  readonly #parsed = new Map<string, { name: string; alias: string; definitions: readonly string[] }>();
  readonly #used = new Set<PropertyColumn>();
  #count = 0;

  constructor(properties: PropertyColumns = NO_PROPERTIES) {
    this.#properties = properties;
  }

  /** A placeholder for the value. */
  bind(value: unknown, type: ParameterType): string {
    const name = `p${this.#count++}`;
    this.params[name] = value;
    return `{${name}:${type}}`;
  }

  /** The column of a property of that kind, where there is one. */
  property(key: string, kind: 'text' | 'number'): string | undefined {
    const column = this.#properties.get(key);
    if (column?.kind !== kind) return undefined;
    this.#used.add(column);
    return column.name;
  }

  /** The alias of a path that is read from JSON; `define` says how. `name` is what the client calls it. */
  parsed(key: string, name: string, define: (alias: string) => readonly string[]): string {
    const known = this.#parsed.get(key);
    if (known !== undefined) return known.alias;
    const alias = `path_${this.#parsed.size}`;
    this.#parsed.set(key, { name, alias, definitions: define(alias) });
    return alias;
  }

  /** Definitions for a WITH clause: every path that the statement parses; '' without any. */
  withPaths(): string {
    if (this.#parsed.size === 0) return '';
    return `WITH ${[...this.#parsed.values()].flatMap(({ definitions }) => definitions).join(', ')}\n`;
  }

  /** The statement. `scopes` are the conditions under which it reads rows: window and workspace. */
  finish(
    sql: string,
    columns: Statement['columns'],
    { scopes, readsRollups = false }: { scopes: readonly string[]; readsRollups?: boolean },
  ): Statement {
    const unfilled = this.#unfilled();
    return {
      sql,
      params: this.params,
      columns,
      readsRollups,
      parsesJson: this.#parsed.size > 0,
      readsJson: this.#parsed.size + this.#used.size > 0,
      unregisteredPaths: [...this.#parsed].flatMap(([key, { name }]) =>
        this.#properties.has(key) ? [] : [name],
      ),
      unfilled:
        unfilled &&
        scopes
          .map((where) => `(SELECT 1 FROM events WHERE ${where} AND ${unfilled} LIMIT 1)`)
          .join(' UNION ALL '),
    };
  }

  #unfilled(): string | undefined {
    if (this.#used.size === 0) return undefined;
    const since = Math.max(...[...this.#used].map((column) => column.since));
    const unknown = [...this.#used].map(({ name, kind }) =>
      kind === 'text' ? `${name} = '\\0'` : `isNaN(ifNull(${name}, 0))`,
    );
    return `(_properties < ${this.bind(since, 'UInt32')} OR ${unknown.join(' OR ')})`;
  }
}
