import { type QueryFigures, type QuestionFigures, quantileOf } from '../query/query-scenario.ts';
import { formatCount, formatTable } from './format-table.ts';

/** Beside a writer everything may take twice as long. */
const BESIDE_FACTOR = 2;

/** Whether every question stayed below its figure, or below its part of the raw scan, which a slow machine slows as well. */
export function queryAimReached(figures: QueryFigures): boolean {
  return figures.questions.every((question) => isReached(question, figures) !== false);
}

/** Renders what the questions took. */
export function describeQuery(figures: QueryFigures): string {
  const { questions, insertedPerSecond } = figures;
  const beside =
    insertedPerSecond > 0 ? `, beside ${formatCount(insertedPerSecond)} inserted rows/s (aims doubled)` : '';
  const rows = questions.map((question) => {
    const ratio = ratioToRaw(question, questions);
    return [
      question.name,
      quantileOf(question.warmMs, 0.5).toFixed(0),
      quantileOf(question.warmMs, 0.95).toFixed(0),
      question.coldMs.toFixed(0),
      question.aimMs === undefined ? '' : String(question.aimMs * factorOf(figures)),
      ratio === undefined ? '' : ratio.toFixed(2),
      question.raw?.aim === undefined ? '' : String(question.raw.aim),
      { true: 'reached', false: 'NOT reached', undefined: '' }[`${isReached(question, figures)}`],
    ];
  });
  return [
    `${figures.name}: ${formatCount(figures.rows)} events in ${figures.parts} parts, the workspace has two fifths${beside}\n`,
    formatTable([['', 'p50 ms', 'p95 ms', 'cold ms', 'aim p95', 'of raw', 'aim of raw', ''], ...rows]),
    '  each once in every lap, uncached; cold is the first lap of a server that has just been started; `of raw` compares medians\n',
  ].join('');
}

function factorOf({ insertedPerSecond }: QueryFigures): number {
  return insertedPerSecond > 0 ? BESIDE_FACTOR : 1;
}

function ratioToRaw(question: QuestionFigures, all: readonly QuestionFigures[]): number | undefined {
  const raw = all.find(({ name }) => name === question.raw?.name);
  return raw && quantileOf(question.warmMs, 0.5) / quantileOf(raw.warmMs, 0.5);
}

function isReached(question: QuestionFigures, figures: QueryFigures): boolean | undefined {
  const { aimMs, raw } = question;
  if (aimMs === undefined) return undefined;
  if (quantileOf(question.warmMs, 0.95) <= aimMs * factorOf(figures)) return true;
  const ratio = ratioToRaw(question, figures.questions);
  return raw?.aim !== undefined && ratio !== undefined && ratio <= raw.aim * factorOf(figures);
}
