import { type Breakdown, ColumnType } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { parseField } from '@millrace/wire';
import { textExpression } from './fields.ts';
import { filterCondition } from './filter.ts';
import { compileMeasures, measureColumn } from './measures.ts';
import { type Statement, StatementDraft } from './statement.ts';
import { type QuestionScope, windowCondition } from './window.ts';

const MAX_FIELDS = 3;
const DEFAULT_ROWS = 10;
const MAX_ROWS = 1_000;

/**
 * Figures by the values of fields, the highest of the first figure first, equal ones by value. Events without such a field make a
 * row of their own. Throws MillraceError `invalid_argument` naming the field.
 */
export function breakdownStatement(
  question: Breakdown,
  { workspaceId, window, filter, properties }: QuestionScope,
): Statement {
  const draft = new StatementDraft(properties);
  const { fields: names } = question;
  if (names.length === 0 || names.length > MAX_FIELDS)
    throw fieldError('breakdown.fields', `1 to ${MAX_FIELDS} fields`);
  if (new Set(names).size < names.length) throw fieldError('breakdown.fields', 'each field once');
  if (question.limit > MAX_ROWS) throw fieldError('breakdown.limit', `at most ${MAX_ROWS}`);
  const fields = names.map((name, i) => parseField(name, `breakdown.fields[${i}]`));
  const values = fields.map((field) => textExpression(field, draft));
  const measures = compileMeasures(question.measures, 'breakdown.measures', draft, {
    taken: fields.map(({ name }) => name),
  });
  const [first] = measures;
  const sharing = measures.findIndex(({ name }) => name === 'share');
  if (first.isAdditive && sharing !== -1)
    throw fieldError(`breakdown.measures[${sharing}].name`, 'is taken by another column');
  const condition = filterCondition(filter, 'filter', draft);
  const where = windowCondition(workspaceId, window, draft);
  const limit = draft.bind(question.limit || DEFAULT_ROWS, 'UInt32');
  const groups = values.map((_, i) => `value_${i}`);
  const figures = measures.map((_, i) => `figure_${i}`);
  // Counted before the limit cuts the rows.
  const share = first.isAdditive ? ', figure_0 / nullIf(sum(figure_0) OVER (), 0) AS share' : '';
  const sql = `SELECT ${[...groups, ...figures].join(', ')}${share}
FROM
(
${draft.withPaths()}SELECT ${values.map((value, i) => `${value} AS value_${i}`).join(', ')}, ${measures.map((measure, i) => `${measure.sql} AS figure_${i}`).join(', ')}
FROM events
WHERE ${where}
  AND ${condition}
GROUP BY ${groups.join(', ')}
)
ORDER BY figure_0 DESC NULLS LAST, ${groups.map((group) => `${group} NULLS LAST`).join(', ')}
LIMIT ${limit}`;
  return draft.finish(
    sql,
    [
      ...fields.map(({ name }) => ({ name, type: ColumnType.TEXT })),
      ...measures.map(({ name }) => measureColumn(name)),
      ...(first.isAdditive ? [measureColumn('share')] : []),
    ],
    { scopes: [where] },
  );
}
