import { MillraceError } from '@millrace/runtime';

const LINE_BREAK = 0x0a;
const COMMA = Buffer.from(',');
/** Of names and types, in bytes: far more than a statement of the longest can give. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;

/**
 * `JSONCompactEachRowWithNamesAndTypes` as one JSON object: `{"columns":[{"name","type"}…],"rows":[[…]…]}`. The values stay as ClickHouse
 * wrote them, so a large integer keeps its digits, and pass by without being gathered, however long a row is.
 */
export async function* tableJson(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let owesComma = false;
  for await (const chunk of source) {
    let bytes = chunk;
    if (head !== undefined) {
      head = Buffer.concat([head, chunk]);
      if (head.length > MAX_HEAD_BYTES) throw new MillraceError('internal', 'names without an end');
      const names = head.indexOf(LINE_BREAK);
      const types = names === -1 ? -1 : head.indexOf(LINE_BREAK, names + 1);
      if (types === -1) continue;
      yield Buffer.from(`{"columns":${columnsJson(head, names, types)},"rows":[`);
      bytes = head.subarray(types + 1);
      head = undefined;
    }
    const parts: Buffer[] = [];
    // A line break ends a row: within a value it is escaped.
    for (let from = 0; from < bytes.length; ) {
      const to = bytes.indexOf(LINE_BREAK, from);
      if (owesComma) parts.push(COMMA);
      parts.push(bytes.subarray(from, to === -1 ? bytes.length : to));
      owesComma = to !== -1;
      from = to === -1 ? bytes.length : to + 1;
    }
    if (parts.length > 0) yield Buffer.concat(parts);
  }
  yield Buffer.from(']}');
}

/** ClickHouse writes two lists of strings, each a line. */
function columnsJson(head: Buffer, namesEnd: number, typesEnd: number): string {
  const names = JSON.parse(head.toString('utf8', 0, namesEnd)) as string[];
  const types = JSON.parse(head.toString('utf8', namesEnd + 1, typesEnd)) as string[];
  return JSON.stringify(names.map((name, i) => ({ name, type: types[i] ?? '' })));
}
