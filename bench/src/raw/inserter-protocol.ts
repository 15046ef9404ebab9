/** Where the raw inserter reads and inserts. */
export interface RawInsertTarget {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** Rows of the events table that are taken as material. */
  readonly rows: number;
}

/** An insert of the material, as often as asked for. */
export interface RawInsertCommand {
  readonly repeats: number;
  /** Rows of a block, which becomes a part. */
  readonly blockRows: number;
}

/** What the raw inserter tells its parent. */
export type RawInsertReport =
  | { readonly kind: 'loaded'; readonly bytes: number }
  | { readonly kind: 'inserted' }
  | { readonly kind: 'failed'; readonly reason: string };
