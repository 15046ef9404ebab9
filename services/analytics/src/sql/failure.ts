import { fieldError, MillraceError } from '@millrace/runtime';
import { ClickHouseError, exceededLimit, storeIsFull, storeUnavailable } from '@millrace/stores';

/** ClickHouse's code for what a user has no right to. */
export const ACCESS_DENIED = '497';

/** Of a statement whose rows are too many. */
export const TOO_MUCH_ANSWERED = 'reads or answers more than it may; narrow it or ask for fewer rows';

/** ClickHouse's code of a failure; undefined for one of another kind. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof ClickHouseError ? error.code : undefined;
}

/** What is said in our words: those of the server speak of its users and databases. */
const WORDS: Readonly<Record<string, string>> = {
  '60': 'reads a table that is not there; there is the table events', // UNKNOWN_TABLE
  '81': 'reads a database that is not there; there is the table events', // UNKNOWN_DATABASE
  '164': 'may not change settings', // READONLY
  [ACCESS_DENIED]: 'may read the table events and nothing else',
  '161': 'reads more columns than it may', // TOO_MANY_COLUMNS
  '162': 'is nested too deeply', // TOO_DEEP_SUBQUERIES
  '167': 'is nested too deeply', // TOO_DEEP_AST
  '168': 'is too long', // TOO_BIG_AST
  '306': 'is nested or repeated too deeply', // TOO_DEEP_RECURSION
};

/** The server's own trouble: nothing that another statement would change. */
const SERVER_TROUBLE = new Set([
  '210', // NETWORK_ERROR
  '236', // ABORTED
  '243', // NOT_ENOUGH_SPACE
  '394', // QUERY_WAS_CANCELLED
  '516', // AUTHENTICATION_FAILED
  '999', // KEEPER_EXCEPTION
]);

/**
 * A limit that a statement has met, or trouble of the server's, as a MillraceError; undefined for what is wrong with the statement or
 * with a value that it met.
 */
export function limitOrTrouble(error: unknown, maxSeconds: number): MillraceError | undefined {
  const code = codeOf(error);
  if (code === undefined) return storeUnavailable(error);
  const words = WORDS[code];
  if (words !== undefined) return fieldError('query', words);
  if (SERVER_TROUBLE.has(code)) return storeUnavailable(error);
  switch (exceededLimit(error)) {
    case 'time':
      return fieldError('query', `takes more than ${maxSeconds} s`);
    case 'memory':
      return fieldError('query', 'takes too much memory');
    case 'store':
      return storeIsFull(error);
    case 'result':
      return fieldError('query', TOO_MUCH_ANSWERED);
    case 'queries':
      return new MillraceError('resource_exhausted', 'too many statements at once, try again', {
        cause: error,
      });
    case undefined:
      return undefined;
  }
}

/** What the server says of a statement, without what it says of itself. For texts that no row has been part of. */
export function quote(error: unknown, database: string): string {
  if (!(error instanceof ClickHouseError)) return 'can not be read';
  return error.message
    .replace(/^(Syntax error.*?at position \d+ \(.*?\)).*$/s, '$1')
    .replace(/:? ?In scope .*$/is, '')
    .replace(/: while executing .*$/is, '')
    .replaceAll(`${database}.`, '')
    .replaceAll(/__table\d+\./g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
