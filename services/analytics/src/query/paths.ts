import { ColumnType, type Paths } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { filterCondition } from './filter.ts';
import { measureColumn } from './measures.ts';
import { type Statement, StatementDraft } from './statement.ts';
import { actorOf, durationMs } from './steps.ts';
import { type QuestionScope, windowCondition } from './window.ts';

const MIN_LENGTH = 2;
const MAX_LENGTH = 10;
const DEFAULT_LENGTH = 3;
const DEFAULT_PATHS = 10;
const MAX_PATHS = 1_000;
const MAX_TYPE_CHARS = 255;
const DEFAULT_PAUSE_MS = 30 * 60_000;
const MAX_PAUSE_MS = 30 * 86_400_000;

/**
 * The most frequent sequences of types, equal ones in the order of their types. An actor's events are cut where there is a longer pause;
 * each piece is one path, from its first event on or from the first of the start type; pieces without one are none. Events of one
 * moment are in the order of the stream. Throws MillraceError `invalid_argument` naming the field.
 */
export function pathsStatement(
  question: Paths,
  { workspaceId, window, filter, properties }: QuestionScope,
): Statement {
  const { length: wanted, startType } = question;
  if (wanted !== 0 && (wanted < MIN_LENGTH || wanted > MAX_LENGTH)) {
    throw fieldError('paths.length', `must be ${MIN_LENGTH} to ${MAX_LENGTH}`);
  }
  if (question.limit > MAX_PATHS) throw fieldError('paths.limit', `at most ${MAX_PATHS}`);
  if (startType.length > MAX_TYPE_CHARS)
    throw fieldError('paths.start_type', `at most ${MAX_TYPE_CHARS} characters`);
  const draft = new StatementDraft(properties);
  const actor = actorOf(question.by, 'sessionId', 'paths.by');
  const pauseMs = draft.bind(
    durationMs(question.pause, { fallbackMs: DEFAULT_PAUSE_MS, mostMs: MAX_PAUSE_MS, place: 'paths.pause' }),
    'Int64',
  );
  const length = draft.bind(wanted || DEFAULT_LENGTH, 'UInt32');
  const limit = draft.bind(question.limit || DEFAULT_PATHS, 'UInt32');
  const condition = filterCondition(filter, 'filter', draft);
  const where = windowCondition(workspaceId, window, draft);
  const start = startType === '' ? undefined : draft.bind(startType, 'String');
  const piece = question.mergeRepeats ? 'arrayCompact(piece)' : 'piece';
  const fromStart = start
    ? `if(has(${piece}, ${start}), arraySlice(${piece}, indexOf(${piece}, ${start})), [])`
    : piece;
  const sql = `SELECT path, paths, paths / sum(paths) OVER () AS share
FROM
(
    SELECT arraySlice(${fromStart}, 1, ${length}) AS path, count() AS paths
    FROM
    (
        SELECT arrayJoin(arraySplit((type, pause) -> pause > ${pauseMs}, events.5, arrayDifference(events.1))) AS piece
        FROM
        (
            SELECT arraySort(groupArray((t, shard, seq, index, type))) AS events
            FROM
            (
                ${draft.withPaths()}SELECT ${actor.column} AS actor, toUnixTimestamp64Milli(${window.column}) AS t, _shard AS shard, _seq AS seq, _index AS index, toString(event_type) AS type
                FROM events
                WHERE ${where}
                  AND ${actor.isKnown}
                  AND ${condition}
            )
            GROUP BY actor
        )
    )
    GROUP BY path
    HAVING notEmpty(path)
)
ORDER BY paths DESC, path
LIMIT ${limit}`;
  return draft.finish(
    sql,
    [{ name: 'path', type: ColumnType.TEXT_LIST }, measureColumn('count'), measureColumn('share')],
    { scopes: [where] },
  );
}
