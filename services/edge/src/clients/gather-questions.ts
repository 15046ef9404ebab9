import { type Clock, MillraceError } from '@millrace/runtime';

/** Longest that a question waits for a call, in milliseconds. */
const MAX_WAIT_MS = 2_000;

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly sinceMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks many questions in few calls: those of the same turn of the event loop go together, and so do those that come
 * while as many calls are under way as may be. A call that fails fails its questions; one that waits 2 s fails alone.
 */
export function gatherQuestions<Question, Answer>(options: {
  /** Answers each question, in order. */
  ask: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  /** Questions in a call. */
  maxBatch: number;
  maxCalls: number;
  clock: Clock;
}): (question: Question) => Promise<Answer> {
  const { ask, maxBatch, maxCalls, clock } = options;
  const waiting: Waiting<Question, Answer>[] = [];
  let callsUnderWay = 0;
  let willSend = false;

  const call = async (batch: readonly Waiting<Question, Answer>[]): Promise<void> => {
    callsUnderWay++;
    try {
      const answers = await ask(batch.map(({ question }) => question));
      for (const [i, one] of batch.entries()) {
        const answer = answers[i];
        if (answer === undefined) one.reject(new MillraceError('internal', 'a question was left unanswered'));
        else one.resolve(answer);
      }
    } catch (error) {
      for (const one of batch) one.reject(error);
    }
    callsUnderWay--;
    if (waiting.length > 0) sendSoon();
  };
  const send = (): void => {
    willSend = false;
    const oldestMs = clock.monotonic() - MAX_WAIT_MS;
    const fresh = waiting.findIndex(({ sinceMs }) => sinceMs > oldestMs);
    for (const late of waiting.splice(0, fresh === -1 ? waiting.length : fresh)) {
      late.reject(new MillraceError('deadline_exceeded', 'nobody could be asked in time'));
    }
    while (callsUnderWay < maxCalls && waiting.length > 0) void call(waiting.splice(0, maxBatch));
  };
  const sendSoon = (): void => {
    if (willSend || callsUnderWay >= maxCalls) return;
    willSend = true;
    setImmediate(send);
  };

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, sinceMs: clock.monotonic(), resolve, reject });
      sendSoon();
    });
}
