/** A status and a JSON body. */
export interface Reply {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
  /** Flat name, value, name, value …; lower case. */
  readonly headers?: readonly string[];
}
