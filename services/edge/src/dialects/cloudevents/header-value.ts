import { isUtf8 } from 'node:buffer';

const QUOTED = /^"((?:[^"\\]|\\.)*)"$/s;

/**
 * An attribute's value from its header, by the HTTP binding 1.0: quotes are taken off, then percent triplets are decoded
 * once, as UTF-8. A percent sign that starts no triplet stays: older producers don't encode it. Undefined when it isn't UTF-8.
 */
export function decodeHeaderValue(header: string): string | undefined {
  const quoted = QUOTED.exec(header);
  const value = quoted ? (quoted[1] ?? '').replace(/\\(.)/gs, '$1') : header;
  const bytes = value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Node reads headers as latin1, a character a byte.
  const buffer = Buffer.from(bytes, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : undefined;
}
