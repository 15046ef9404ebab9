/** A request that a caller who may make it is answered with success, and what is particular about it. */
export interface SampleRequest {
  /** Values of the path's parameters. */
  readonly params?: Readonly<Record<string, string>>;
  /** Parameters behind the path. */
  readonly query?: Readonly<Record<string, string>>;
  /** JSON of a route, or the fields of a method's request. */
  readonly body?: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly contentType?: string;
  /** The answer has no end: its first words are waited for. */
  readonly lasts?: true;
  /**
   * What somebody of another workspace is answered: 404, 401 or such a text about things of this one, `own` about
   * their own.
   */
  readonly elsewhere: 404 | 401 | RegExp | 'own';
  /** What the request itself asks for, beyond the rule. */
  readonly alsoNeeds?: readonly string[];
  /** Where the document has no 403. */
  readonly refusal?: 401;
}
