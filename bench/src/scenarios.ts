import type { BenchContext } from './bench-context.ts';
import {
  type DuplicatesFigures,
  duplicatesScenario,
  runDuplicatesScenario,
} from './ingest/duplicates-scenario.ts';
import { httpScenarios } from './ingest/http-scenarios.ts';
import { type MemoryFigures, memoryScenario, runMemoryScenario } from './ingest/memory-scenario.ts';
import { type HttpFigures, runHttpScenario } from './ingest/run-http-scenario.ts';
import { type DeletionFigures, deletionScenario, runDeletionScenario } from './query/deletion-scenario.ts';
import { type QueryFigures, queryScenarios, runQueryScenario } from './query/query-scenario.ts';
import { describeDeletion } from './report/describe-deletion.ts';
import {
  describeDuplicates,
  describeHttp,
  describeMemory,
  duplicatesAimReached,
  httpAimReached,
} from './report/describe-http.ts';
import { describeQuery, queryAimReached } from './report/describe-query.ts';
import { describeTail, tailAimReached } from './report/describe-tail.ts';
import { describeWebhook, type WebhookFigures, webhookAimReached } from './report/describe-webhook.ts';
import { describeWriter, writerAimReached } from './report/describe-writer.ts';
import { runTailScenario, type TailFigures, tailScenarios } from './tail/tail-scenario.ts';
import { fairnessScenario, runFairnessScenario } from './webhook/fairness-scenario.ts';
import { deliveryLatencyScenario, runDeliveryLatencyScenario } from './webhook/latency-scenario.ts';
import { endpointMemoryScenario, runEndpointMemoryScenario } from './webhook/memory-scenario.ts';
import { runThroughputScenario, throughputScenario } from './webhook/throughput-scenario.ts';
import { runWriterScenario, type WriterFigures, writerScenarios } from './writer/writer-scenario.ts';

/** What a scenario gave. */
export type Figures =
  | HttpFigures
  | MemoryFigures
  | DuplicatesFigures
  | WriterFigures
  | QueryFigures
  | DeletionFigures
  | TailFigures
  | WebhookFigures;

/** Something that can be run by its name. */
export interface Scenario {
  readonly name: string;
  run(context: BenchContext): Promise<Figures>;
}

/** The scenarios of each bench, in the order in which they run. */
export const benches: Readonly<Record<string, readonly Scenario[]>> = {
  ingest: [
    ...httpScenarios.map((scenario) => ({
      name: scenario.name,
      run: (context: BenchContext) => runHttpScenario(scenario, context),
    })),
    { name: memoryScenario, run: runMemoryScenario },
    { name: duplicatesScenario, run: runDuplicatesScenario },
  ],
  writer: writerScenarios.map((scenario) => ({
    name: scenario.name,
    run: (context: BenchContext) => runWriterScenario(scenario, context),
  })),
  query: [
    ...queryScenarios.map((scenario) => ({
      name: scenario.name,
      run: (context: BenchContext) => runQueryScenario(scenario, context),
    })),
    { name: deletionScenario, run: runDeletionScenario },
  ],
  tail: tailScenarios.map((scenario) => ({
    name: scenario.name,
    run: (context: BenchContext) => runTailScenario(scenario, context),
  })),
  webhook: [
    { name: throughputScenario, run: runThroughputScenario },
    { name: deliveryLatencyScenario, run: runDeliveryLatencyScenario },
    { name: fairnessScenario, run: runFairnessScenario },
    { name: endpointMemoryScenario, run: runEndpointMemoryScenario },
  ],
};

/** Renders what a scenario gave. */
export function describeFigures(figures: Figures): string {
  switch (figures.kind) {
    case 'http':
      return describeHttp(figures);
    case 'memory':
      return describeMemory(figures);
    case 'duplicates':
      return describeDuplicates(figures);
    case 'writer':
      return describeWriter(figures);
    case 'query':
      return describeQuery(figures);
    case 'deletion':
      return describeDeletion(figures);
    case 'tail':
      return describeTail(figures);
    default:
      return describeWebhook(figures);
  }
}

/** Whether a scenario reached its figure; undefined when it has none to reach. */
export function aimReached(figures: Figures): boolean | undefined {
  switch (figures.kind) {
    case 'http':
      return httpAimReached(figures);
    case 'memory':
      return figures.isFlat;
    case 'duplicates':
      return duplicatesAimReached(figures);
    case 'writer':
      return writerAimReached(figures);
    case 'query':
      return queryAimReached(figures);
    case 'deletion':
      return undefined;
    case 'tail':
      return tailAimReached(figures);
    default:
      return webhookAimReached(figures);
  }
}
