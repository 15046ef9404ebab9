import { connect } from 'node:net';
import type { RequestTemplate } from './event-template.ts';
import { ResponseParser } from './response-parser.ts';

/** What {@link openLoadConnection} needs. */
export interface LoadConnectionOptions {
  readonly port: number;
  readonly template: RequestTemplate;
  /** Where every connection's bytes arrive: they are looked at before the next ones come. */
  readonly readBuffer: Buffer;
  /** The number of the next request's first event, or undefined to send no more. */
  readonly nextEvent: () => number | undefined;
  readonly onResponse: (status: number, microseconds: number) => void;
}

/** Sends one request after the other, each when the one before is answered; resolves when there is no next one. */
export function openLoadConnection(options: LoadConnectionOptions): Promise<void> {
  const { template, nextEvent, onResponse } = options;
  const parser = new ResponseParser();
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let isDone = false;
    const sendNext = () => {
      const event = nextEvent();
      if (event === undefined) {
        isDone = true;
        socket.destroy();
        resolve();
        return;
      }
      // The bytes before were sent, or there would be no answer, so they may be changed.
      template.renumber(event);
      sentAt = performance.now();
      socket.write(template.bytes);
    };
    const onRead = (length: number, bytes: Uint8Array): boolean => {
      let status = 0;
      try {
        // `onread` hands back the buffer it was given.
        status = parser.push(bytes as Buffer, length);
      } catch (error) {
        socket.destroy();
        reject(error);
        return false;
      }
      if (status !== 0) {
        onResponse(status, (performance.now() - sentAt) * 1000);
        sendNext();
      }
      return !isDone;
    };
    const socket = connect({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      onread: { buffer: options.readBuffer, callback: onRead },
    });
    socket.once('connect', sendNext);
    socket.once('error', reject);
    socket.once('close', () => {
      if (!isDone) reject(new Error('the server closed a connection'));
    });
  });
}
