import { Code, ConnectError } from '@connectrpc/connect';

/** The messages of a stream; fails with `deadline_exceeded` when the caller is silent for too long. */
export async function* withIdleDeadline<Message>(
  messages: AsyncIterable<Message>,
  idleMs: number,
): AsyncGenerator<Message> {
  const iterator = messages[Symbol.asyncIterator]();
  for (;;) {
    const next = await nextWithin(iterator, idleMs);
    if (next.done) return;
    yield next.value;
  }
}

async function nextWithin<Message>(
  iterator: AsyncIterator<Message>,
  idleMs: number,
): Promise<IteratorResult<Message>> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ConnectError(`no message for ${idleMs} ms`, Code.DeadlineExceeded)),
      idleMs,
    );
  });
  try {
    return await Promise.race([iterator.next(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
