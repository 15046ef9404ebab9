/** Wire types of the fields 1 to 15 of `millrace.event.v1.Event`: 2 for what has a length, 0 for a number. */
const WIRE_TYPES = [-1, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 2, 2, 2, 2, 2];

/**
 * Whether bytes are an event that the writer may extend: whole fields of the right wire types, none of the writer's own.
 * An event that ends in the middle of a field would swallow the position that is appended to it.
 */
export function isExtensibleEvent(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    // Tags of the fields 1 to 15 are one byte; a larger one has the high bit set and is no known field.
    const tag = bytes[at++] ?? 0;
    const wireType = tag & 7;
    if (tag >= 0x80 || WIRE_TYPES[tag >> 3] !== wireType) return false;
    let value = 0;
    let scale = 1;
    let byte = 0x80;
    for (let length = 0; byte >= 0x80; length++) {
      if (at >= end || length === 10) return false;
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    }
    if (wireType === 2) at += value;
  }
  return at === end && end > start;
}
