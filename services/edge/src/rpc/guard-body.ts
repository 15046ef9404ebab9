import { constants } from 'node:http2';
import type { RequestHandler } from '../server/listener.ts';

/**
 * Drops a request whose body has not arrived in time: Node limits that over HTTP/1.1, over HTTP/2 it doesn't.
 * Returns what ends the guard.
 */
export function guardBody(request: Parameters<RequestHandler>[0], limitMs: number): () => void {
  const timer = setTimeout(() => {
    if ('stream' in request) request.stream.close(constants.NGHTTP2_CANCEL);
    else request.destroy();
  }, limitMs);
  const release = () => clearTimeout(timer);
  request.once('end', release);
  return release;
}
