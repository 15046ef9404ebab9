import { fieldError, type MillraceError } from '@millrace/runtime';
import { isAllowedFunction } from './allowed-functions.ts';
import { readSyntaxTree, type SyntaxNode } from './syntax-tree.ts';

/** What a statement may be made of. Settings, formats, files, samples and transformers that call functions by name are not among it. */
const KINDS = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'ExpressionList',
  'WithElement',
  'Subquery',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'TableExpression',
  'TableIdentifier',
  'TableJoin',
  'ArrayJoin',
  'OrderByElement',
  'WindowDefinition',
  'WindowListElement',
  'InterpolateElement',
  'Identifier',
  'Literal',
  'Function',
  'Asterisk',
  'QualifiedAsterisk',
  'ColumnsTransformerList',
  'ColumnsExceptTransformer',
]);

/** Functions whose last argument names a type. */
const TYPED = new Set(['cast', '_cast', 'accuratecastornull', 'jsonextract', 'jsonextractkeysandvalues']);

/** Columns that every table has, which name where it is. */
const PLACES = /(^|\.)_(database|table)$/;

const MEMBERSHIP = new Set(['in', 'notin']);

/** States of aggregates that came from outside are trusted by the server that reads them. */
const STATES = /AggregateFunction/i;

/**
 * Holds a statement to what it may do, by the tree that the server itself made of it. Throws MillraceError `invalid_argument`.
 * Rows, time and memory are not its matter: the user that the statement runs as is held to those.
 */
export function checkStatement(lines: readonly string[]): void {
  const root = readSyntaxTree(lines);
  if (root === undefined) throw refused('has a form that can not be checked');
  if (root.kind !== 'SelectWithUnionQuery') throw refused('must be one SELECT');
  check(root);
}

function check(node: SyntaxNode): void {
  const { kind, text, children } = node;
  if (!KINDS.has(kind)) throw refused(refusalOf(kind));
  switch (kind) {
    case 'SelectWithUnionQuery':
      // A second child is a file or a format.
      if (children.length !== 1) throw refused('may not say INTO OUTFILE or FORMAT; name a format beside it');
      break;
    case 'TableExpression':
      if (children.some((child) => child.kind === 'Function')) {
        throw refused('may not read table functions; there is the table events');
      }
      break;
    case 'TableIdentifier':
      if (text.includes('.')) throw refused(`may not read ${text}; there is the table events`);
      break;
    case 'Literal':
      if (STATES.test(text)) throw refused('may not read states of aggregates');
      break;
    case 'Identifier':
      if (PLACES.test(text)) throw refused(`may not read ${text}`);
      break;
    case 'Function':
      checkFunction(node);
      break;
  }
  for (const child of children) check(child);
}

function checkFunction({ text: name, children }: SyntaxNode): void {
  if (!isAllowedFunction(name)) throw refused(`may not call ${name}`);
  const lower = name.toLowerCase();
  const last = children[0]?.children.at(-1);
  if (TYPED.has(lower) && last?.kind !== 'Literal') {
    throw refused(`must give ${name} its type as text`);
  }
  // Behind IN a name is a table's.
  if (MEMBERSHIP.has(lower) && last?.kind === 'Identifier' && last.text.includes('.')) {
    throw refused(`may not read ${last.text}; there is the table events`);
  }
}

function refusalOf(kind: string): string {
  switch (kind) {
    case 'Set':
      return 'may not change settings';
    case 'SampleRatio':
      return 'may not take samples: events are not stored by one';
    default:
      return `may not have a ${kind}`;
  }
}

function refused(issue: string): MillraceError {
  return fieldError('query', issue);
}
