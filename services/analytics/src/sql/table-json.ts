const LINE_BREAK = 0x0a;
const COMMA = Buffer.from(',');

/**
 * `JSONCompactEachRowWithNamesAndTypes` as one JSON object: `{"columns":[{"name","type"}…],"rows":[[…]…]}`. The values stay as ClickHouse
 * wrote them, so a large integer keeps its digits.
 */
export async function* tableJson(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const head: string[][] = [];
  let rows = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const parts: Buffer[] = [];
    let from = 0;
    // Of lines that are whole; a line break within a value is escaped.
    for (let to = bytes.indexOf(LINE_BREAK); to !== -1; to = bytes.indexOf(LINE_BREAK, from)) {
      const line = bytes.subarray(from, to);
      from = to + 1;
      if (head.length < 2) {
        // ClickHouse writes two lists of strings first.
        head.push(JSON.parse(line.toString()) as string[]);
        if (head.length === 2) parts.push(Buffer.from(`{"columns":${columnsJson(head)},"rows":[`));
        continue;
      }
      if (rows++ > 0) parts.push(COMMA);
      parts.push(line);
    }
    rest = bytes.subarray(from);
    if (parts.length > 0) yield Buffer.concat(parts);
  }
  yield Buffer.from(']}');
}

function columnsJson([names = [], types = []]: readonly string[][]): string {
  return JSON.stringify(names.map((name, i) => ({ name, type: types[i] ?? '' })));
}
