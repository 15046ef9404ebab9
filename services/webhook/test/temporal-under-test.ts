import { startTemporalDevServer } from './temporal-dev-server.ts';
import { startTemporalService } from './temporal-service.ts';

/** A Temporal that can be made to carry calls out without an answer. */
export interface TemporalUnderTest {
  readonly address: string;
  /** Grows with what has been carried out. */
  progress(): Promise<number>;
  /** Every run, with the text that it was started with and those that it was signalled with. */
  runs(): Promise<readonly { workflowId: string; input: string; signals: readonly string[] }[]>;
  loseAnswers(areLost: boolean): void;
  close(): Promise<void>;
}

/** A dev server of the program that `TEMPORAL_CLI` names, which CI can't get; the service as it is published otherwise. */
export async function startTemporalUnderTest(): Promise<TemporalUnderTest> {
  const program = process.env['TEMPORAL_CLI'];
  if (program !== undefined) return startTemporalDevServer(program);
  const service = await startTemporalService();
  return {
    address: service.address,
    progress: async () => service.calls.length,
    runs: async () =>
      service.runs.map(({ workflowId, input: [input = ''], signals }) => ({
        ...{ workflowId, input },
        signals: signals.map(({ input: [text = ''] }) => text),
      })),
    loseAnswers(areLost) {
      service.fault = areLost ? 'lose the answer' : undefined;
    },
    close: () => service.close(),
  };
}
