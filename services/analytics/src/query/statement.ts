import type { Column } from '@millrace/contracts/millrace/query/v1/query';

/** A question to ClickHouse in its words. Everything that a client has said is in `params`. */
export interface Statement {
  /** One SELECT, without a FORMAT. */
  readonly sql: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What it selects, in order. */
  readonly columns: readonly Omit<Column, '$typeName' | '$unknown'>[];
  /** Paths that it reads from JSON, in the order of the question. */
  readonly parsedPaths: readonly string[];
}

/** Types of parameters that statements use. */
export type ParameterType =
  | 'String'
  | 'Float64'
  | 'Int64'
  | 'UInt32'
  | 'Array(String)'
  | 'Array(Float64)'
  | 'Array(Int64)';

/**
 * A statement under construction: gives every value of a client's a name to stand for it, and every path into JSON that is read a
 * column of its own, so that it is parsed once.
 */
export class StatementDraft {
  readonly params: Record<string, unknown> = {};
  readonly #raws = new Map<string, { alias: string; expression: string }>();
  #count = 0;

  /** A placeholder for the value. */
  bind(value: unknown, type: ParameterType): string {
    const name = `p${this.#count++}`;
    this.params[name] = value;
    return `{${name}:${type}}`;
  }

  /** The alias of a path's raw JSON; `''` where there is none. */
  raw(path: string, expression: () => string): string {
    const known = this.#raws.get(path);
    if (known !== undefined) return known.alias;
    const alias = `raw_${this.#raws.size}`;
    this.#raws.set(path, { alias, expression: expression() });
    return alias;
  }

  /** Definitions for a WITH clause: every raw value that the statement uses; '' without any. */
  withRaws(): string {
    if (this.#raws.size === 0) return '';
    return `WITH ${[...this.#raws.values()].map(({ alias, expression }) => `${expression} AS ${alias}`).join(', ')}\n`;
  }

  /** Paths that are read from JSON, in the order in which they came up. */
  get parsedPaths(): readonly string[] {
    return [...this.#raws.keys()];
  }
}
