/** Whether something that the edge relies on answers. */
export const PROBE_STATES = ['up', 'down'] as const;

/** One of them. */
export type ProbeState = (typeof PROBE_STATES)[number];

/** Asks once. The signal fires at the deadline; a rejection counts as down. */
export type Probe = (signal: AbortSignal) => Promise<ProbeState>;

/** How long an answer is kept, in milliseconds: health checks, however many, cost a store one question a second. */
const KEEP_MS = 1_000;
/** How long a question may take, in milliseconds. */
const DEADLINE_MS = 2_000;

/**
 * Wraps a probe: whoever asks within a second shares one answer, and one that takes longer than two seconds is `down`.
 * `now` is monotonic, in milliseconds.
 */
export function cachedProbe(
  probe: Probe,
  now: () => number,
  limits: { keepMs: number; deadlineMs: number } = { keepMs: KEEP_MS, deadlineMs: DEADLINE_MS },
): () => Promise<ProbeState> {
  let answer: Promise<ProbeState> | undefined;
  let staleAt = 0;
  return () => {
    if (answer !== undefined && now() < staleAt) return answer;
    // While the question is open its answer doesn't go stale: a slow store is asked once, not once a second.
    staleAt = Number.POSITIVE_INFINITY;
    answer = askWithin(probe, limits.deadlineMs).finally(() => {
      staleAt = now() + limits.keepMs;
    });
    return answer;
  };
}

async function askWithin(probe: Probe, deadlineMs: number): Promise<ProbeState> {
  const deadline = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<ProbeState>((resolve) => {
    timer = setTimeout(() => {
      resolve('down');
      deadline.abort();
    }, deadlineMs);
  });
  try {
    return await Promise.race([probe(deadline.signal), late]);
  } catch {
    // Why it is down is for the store's own client to log; here only the state counts.
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}
