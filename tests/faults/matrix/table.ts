import type { FaultOutcome } from './fault.ts';

/** What a line of the table says at its end. */
export type Verdict = 'ok' | 'FAILED' | 'caught' | 'SURVIVED';

/** A line of the table. */
export interface TableLine extends FaultOutcome {
  readonly verdict: Verdict;
}

const columns: readonly (readonly [string, (line: TableLine) => string])[] = [
  ['fault', (line) => line.fault],
  ['topology', (line) => line.topology],
  ['redis', (line) => (line.redis ? 'yes' : 'no')],
  ['rounds', (line) => String(line.rounds)],
  ['sent', (line) => String(line.sent)],
  ['accepted', (line) => String(line.accepted)],
  ['unknown', (line) => String(line.unknown)],
  ['rows', (line) => String(line.rows)],
  ['lost', (line) => String(line.lost)],
  ['doubled', (line) => String(line.doubled)],
  ['longest s', (line) => seconds(line.longestMs)],
  ['outage s', (line) => seconds(line.outageMs)],
  ['recovery s', (line) => seconds(line.recoveryMs)],
  ['drain s', (line) => seconds(line.drainMs)],
  ['repeated calls', ({ calls }) => (calls === undefined ? '' : `${calls.repeated} of ${calls.all}`)],
  ['verdict', (line) => line.verdict],
];

/** Renders outcomes as an aligned table in Markdown, and under it why lines failed. */
export function renderTable(lines: readonly TableLine[]): string {
  const cells = [
    columns.map(([title]) => title),
    ...lines.map((line) => columns.map(([, cell]) => cell(line))),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const render = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  const [head = [], ...body] = cells;
  const reasons = lines
    .filter(({ verdict }) => verdict === 'FAILED' || verdict === 'SURVIVED')
    .map(({ fault, topology, redis, problems }) => {
      const why = problems.length === 0 ? 'the planted bug was not noticed' : problems.join('; ');
      return `${fault} (${topology}, ${redis ? 'with' : 'without'} Redis): ${why}`;
    });
  return [render(head), rule, ...body.map(render), ...(reasons.length > 0 ? ['', ...reasons] : [])].join(
    '\n',
  );
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '' : (ms / 1000).toFixed(1);
}
