import { join } from 'node:path';
import type { BenchContext } from '../bench-context.ts';
import { startBesideWriter } from './beside-writer.ts';
import { type FilledStore, openFilledStore } from './filled-store.ts';
import { type BenchQuestion, benchQuestions } from './questions.ts';

/** What one question took, in milliseconds. */
export interface QuestionFigures {
  readonly name: string;
  readonly aimMs: number | undefined;
  /** The first time in a server that has just been started. */
  readonly coldMs: number;
  /** All later times, in order of size. */
  readonly warmMs: readonly number[];
  readonly raw: BenchQuestion['raw'];
}

/** What the questions took. */
export interface QueryFigures {
  readonly kind: 'query';
  readonly name: string;
  readonly rows: number;
  readonly parts: number;
  /** Rows a second that were inserted meanwhile. */
  readonly insertedPerSecond: number;
  readonly questions: readonly QuestionFigures[];
}

/** A round of questions in turn. */
export interface QueryScenario {
  readonly name: string;
  readonly isBesideWriter: boolean;
}

/** The scenarios of the query bench. */
export const queryScenarios: readonly QueryScenario[] = [
  { name: 'questions', isBesideWriter: false },
  { name: 'questions-beside-writer', isBesideWriter: true },
];

const BESIDE_ROWS_PER_SECOND = 20_000;
/** Times that a question is asked for each round of the bench. */
const ASKED_PER_ROUND = 4;

/** Asks every question in turn, again and again, of a store that is filled once and kept. */
export async function runQueryScenario(
  scenario: QueryScenario,
  context: BenchContext,
): Promise<QueryFigures> {
  const { rows, directory } = context.kept;
  const dataDir = join(directory, `events-${rows}`);
  const store = await openFilledStore({ dataDir, rows, progress: context.progress, signal: context.signal });
  try {
    const beside = scenario.isBesideWriter
      ? await startBesideWriter({ client: store.client, rowsPerSecond: BESIDE_ROWS_PER_SECOND })
      : undefined;
    try {
      const questions = await askInTurn(store, context);
      const insertedPerSecond = beside?.rowsPerSecond() ?? 0;
      return { kind: 'query', name: scenario.name, rows, parts: store.parts, insertedPerSecond, questions };
    } finally {
      await beside?.stop();
    }
  } finally {
    await store.stop();
  }
}

async function askInTurn(store: FilledStore, context: BenchContext): Promise<QuestionFigures[]> {
  const questions = benchQuestions(store.client, store.endMs);
  const times = questions.map((): number[] => []);
  // The first time is cold.
  const laps = 1 + context.rounds * ASKED_PER_ROUND;
  for (let lap = 0; lap < laps; lap++) {
    for (const [i, question] of questions.entries()) {
      context.signal.throwIfAborted();
      const startedAt = performance.now();
      await question.ask();
      times[i]?.push(performance.now() - startedAt);
    }
    context.progress(`asked ${lap + 1} of ${laps} times`);
  }
  return questions.map(({ name, aimMs, raw }, i) => {
    const [coldMs = Number.NaN, ...warm] = times[i] ?? [];
    return { name, aimMs, raw, coldMs, warmMs: warm.toSorted((a, b) => a - b) };
  });
}

/** A quantile of sorted values: the least that is not exceeded by so many of them. */
export function quantileOf(sorted: readonly number[], level: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * level) - 1)] ?? Number.NaN;
}
