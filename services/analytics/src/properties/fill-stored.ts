import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, type Properties, storeUnavailable } from '@millrace/stores';
import { MAX_SLOT_BYTES, type PropertyPlan } from '@millrace/wire';
import { z } from 'zod';
import { rawExpression, valueOfRaw } from '../query/fields.ts';
import { StatementDraft } from '../query/statement.ts';

/** Fills the columns of properties for events that were stored before they were registered. */
export interface StoredFiller {
  /** Gives up waiting; what ClickHouse has been asked for goes on. */
  close(): Promise<void>;
}

/** Writers hear of a change within moments; what they store until then is filled with the rest. */
const SETTLE_MS = 3_000;
const LOOK_MS = 2_000;
/** A row that was stored by an older plan all the same, or by a writer that was cut off, is found by then. */
const RECHECK_MS = 600_000;
const TIMEOUT_MS = 20_000;

const sql = {
  unfilled: loadSql(import.meta.url, 'queries/unfilled.sql'),
  running: loadSql(import.meta.url, 'queries/running-fill.sql'),
};
const countRow = z.object({ events: z.coerce.number() });

/**
 * Lets ClickHouse fill the columns of every workspace whose properties change, and looks after all of them at the start and every ten
 * minutes. The state is in the rows: each has the version that it was filled by. So it goes on after a crash, and replicas that do it
 * at once do it once.
 */
export function startStoredFiller(options: {
  client: ClickHouseClient;
  database: string;
  properties: Properties;
  log: Logger;
}): StoredFiller {
  const { client, database, properties, log } = options;
  const closing = new AbortController();
  const pending = new Map<string, number>();
  const lookAt = (workspaceId: string, inMs: number): void => {
    pending.set(workspaceId, performance.now() + inMs);
  };
  const lookAtAll = (): void => {
    for (const workspaceId of properties.versions().keys()) {
      if (!pending.has(workspaceId)) lookAt(workspaceId, 0);
    }
  };
  properties.onChange((workspaceId) => lookAt(workspaceId, SETTLE_MS));
  const recheck = setInterval(lookAtAll, RECHECK_MS);
  recheck.unref();
  lookAtAll();

  /** Whether it has to be looked at again soon. */
  const fill = async (workspaceId: string): Promise<boolean> => {
    const plan = properties.planOf(workspaceId);
    if (plan === undefined) return false;
    const params = { workspaceId, version: plan.version, database };
    const common = { row: countRow, timeoutMs: TIMEOUT_MS, signal: closing.signal };
    const [unfilled] = await ask(client, { sql: sql.unfilled, params, ...common });
    if (!unfilled?.events) return false;
    const [running] = await ask(client, { sql: sql.running, params, ...common });
    if (!running?.events) {
      await beginFilling(client, workspaceId, plan);
      log.info({ workspaceId, version: plan.version, events: unfilled.events }, 'filling properties');
    }
    return true;
  };

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      for (const [workspaceId, dueAt] of pending) {
        if (dueAt > performance.now() || closing.signal.aborted) continue;
        pending.delete(workspaceId);
        try {
          if ((await fill(workspaceId)) && !pending.has(workspaceId)) lookAt(workspaceId, LOOK_MS);
        } catch (error) {
          if (closing.signal.aborted) return;
          log.warn({ workspaceId, err: error }, 'properties can not be filled, trying again');
          lookAt(workspaceId, SETTLE_MS);
        }
      }
      await pauseUnlessClosed(closing.signal);
    }
  };
  const running = run();
  return {
    async close() {
      clearInterval(recheck);
      closing.abort();
      await running;
    },
  };
}

async function pauseUnlessClosed(signal: AbortSignal): Promise<void> {
  try {
    await delay(LOOK_MS / 4, undefined, { signal });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  }
}

/**
 * Asks ClickHouse to fill the columns of what an older plan has filled, or none. A mutation runs under the server's settings, and its
 * parser may give up JSON over one odd number: the value is then left as unknown.
 */
export async function beginFilling(
  client: ClickHouseClient,
  workspaceId: string,
  { version, slots }: PropertyPlan,
): Promise<void> {
  const draft = new StatementDraft();
  const assignments = slots.map((property) => {
    const { root, kind, slot } = property;
    const raw = rawExpression({ column: root, keys: property.keys }, (place) =>
      draft.bind(place, typeof place === 'number' ? 'Int64' : 'String'),
    );
    const value = valueOfRaw(raw);
    const known = `(${root} = '' OR isValidJSON(${root}))`;
    return kind === 'text'
      ? `_text_${slot} = if(${known} AND length(${value}) <= ${MAX_SLOT_BYTES}, ${value}, '\\0')`
      : `_number_${slot} = if(${known}, toFloat64OrNull(${value}), nan)`;
  });
  const query = `ALTER TABLE events UPDATE ${assignments.join(', ')}, _properties = ${draft.bind(version, 'UInt32')}
WHERE workspace_id = ${draft.bind(workspaceId, 'String')} AND _properties < ${draft.bind(version, 'UInt32')}`;
  try {
    await client.command({
      query,
      query_params: draft.params,
      abort_signal: AbortSignal.timeout(TIMEOUT_MS),
      clickhouse_settings: { mutations_sync: '0', wait_end_of_query: 1 },
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}
