/** A text's characters as numbers: index and value are those of `charCodeAt`, which is several times slower. */
export type Units = Uint8Array | Uint16Array;

/** A text and its characters. */
export interface JsonText {
  readonly text: string;
  readonly units: Units;
}

/** A text with its characters, copied from it. */
export function toJsonText(text: string): JsonText {
  return { text, units: unitsOf(text) };
}

/** The characters of a text. */
export function unitsOf(text: string): Units {
  // A buffer of its own begins at an even address, as a view of two bytes each must.
  const bytes = Buffer.allocUnsafeSlow(text.length * 2);
  bytes.write(text, 'utf16le');
  return new Uint16Array(bytes.buffer, 0, text.length);
}
