/** A node of a statement, as `EXPLAIN AST` shows it. */
export interface SyntaxNode {
  /** For example `Function`. */
  readonly kind: string;
  /** What stands behind the kind, without the alias: `toStartOfHour`, `UInt64_1`. */
  readonly text: string;
  readonly children: readonly SyntaxNode[];
}

const LINE = /^( *)([A-Za-z:]+)(?: (.*?))??(?: \(alias .*?\))?(?: \(children (\d+)\))?$/;

/**
 * Reads the lines of `EXPLAIN AST`. Undefined for lines that are no tree, or whose nodes have another number of children than they
 * say: then we have not understood it.
 */
export function readSyntaxTree(lines: readonly string[]): SyntaxNode | undefined {
  let next = 0;
  const read = (depth: number): SyntaxNode | undefined => {
    const [, indent, kind, text = '', count = '0'] = LINE.exec(lines[next] ?? '') ?? [];
    if (kind === undefined || indent?.length !== depth) return undefined;
    next++;
    const children: SyntaxNode[] = [];
    for (let i = 0; i < Number(count); i++) {
      const child = read(depth + 1);
      if (child === undefined) return undefined;
      children.push(child);
    }
    return { kind, text: text.trim(), children };
  };
  const root = read(0);
  return next === lines.length ? root : undefined;
}
