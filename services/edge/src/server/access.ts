/** Where a dialect's clients put their credential. */
export type CredentialPlace =
  /** `X-API-Key: <secret>` */
  | 'apiKey'
  /** `Authorization: Bearer <secret>` */
  | 'bearer'
  /**
   * `?key=<secret>` with a `text/plain` body: `navigator.sendBeacon` can neither set headers nor another type without a
   * preflight. For routes that take events, and nothing else.
   */
  | 'beacon';

/** What a route asks of its callers. */
export interface AccessRule {
  /** Where a credential may stand; in two of them it must be the same one. */
  readonly places: readonly CredentialPlace[];
  /** The caller needs one of these; none asks for any good credential. */
  readonly anyOf: readonly string[];
  /** `person`: only the JWT of somebody who has signed in. */
  readonly caller?: 'person';
  /** The installation's limit that callers without one of their own are held to, or what tells it of a request. */
  readonly limit?:
    | 'workflow'
    | ((request: { header(name: string): string | undefined }) => 'workflow' | undefined);
}

/** Who may call a route: everybody, or who meets the rule. */
export type RouteAccess = 'public' | AccessRule;
