const VALID = /^[\x21-\x7e]{1,128}$/;

/** The caller's request id when it is 1 to 128 visible ASCII characters. */
export function callersRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && VALID.test(header) ? header : undefined;
}
