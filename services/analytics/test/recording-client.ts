import type { ClickHouseClient } from '@millrace/stores';

type Question = Parameters<ClickHouseClient['query']>[0];

/** A client that keeps what it is asked. */
export function recordingClient(client: ClickHouseClient): { client: ClickHouseClient; asked: Question[] } {
  const asked: Question[] = [];
  const recording = new Proxy(client, {
    get: (target, name) =>
      name === 'query'
        ? (question: Question) => {
            asked.push(question);
            return target.query(question);
          }
        : Reflect.get(target, name),
  });
  return { client: recording, asked };
}
