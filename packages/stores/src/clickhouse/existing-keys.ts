import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { z } from 'zod';
import { ask, loadSql } from './query.ts';

const sql = loadSql(import.meta.url, 'queries/existing-keys.sql');
const keyRow = z.object({ key: z.string() });
const TIMEOUT_MS = 10_000;

/** ClickHouse takes 128 KiB for a parameter; a key is 32 hex digits and a comma. */
const KEYS_PER_PARAMETER = 3_900;
/** As many as the query names: one pass over the table answers for all of them. */
const PARAMETERS = 16;
const KEYS_PER_QUESTION = KEYS_PER_PARAMETER * PARAMETERS;

/** Those of the keys (16 bytes as latin1) that have a row received since then. Throws `unavailable`. */
export async function findExistingKeys(
  client: ClickHouseClient,
  question: { keys: readonly string[]; sinceMs: number; settings: ClickHouseSettings },
): Promise<Set<string>> {
  const { keys, sinceMs, settings } = question;
  const found = new Set<string>();
  for (let from = 0; from < keys.length; from += KEYS_PER_QUESTION) {
    const params: Record<string, unknown> = { sinceMs };
    for (let parameter = 0; parameter < PARAMETERS; parameter++) {
      const begin = from + parameter * KEYS_PER_PARAMETER;
      const end = Math.min(begin + KEYS_PER_PARAMETER, from + KEYS_PER_QUESTION);
      params[`keys${parameter}`] = keys.slice(begin, end).map(toHex).join(',');
    }
    for (const { key } of await ask(client, { sql, params, row: keyRow, settings, timeoutMs: TIMEOUT_MS })) {
      found.add(Buffer.from(key, 'hex').toString('latin1'));
    }
  }
  return found;
}

function toHex(key: string): string {
  return Buffer.from(key, 'latin1').toString('hex');
}
