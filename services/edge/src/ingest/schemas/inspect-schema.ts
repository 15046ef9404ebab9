import { isJsonObject } from '../../request/json-types.ts';
import { COMPANIONS, FORMATS, HINTS, KEYWORDS, type KeywordShape, linearRegExp } from './compile-schema.ts';
import { pointerTo, refusedSchema } from './describe-violation.ts';

/** A place of a schema that is a schema itself. */
export interface Subschema {
  /** Pointers of the subschemas that apply where this one does. */
  readonly children: readonly string[];
  readonly ref: string | undefined;
  readonly anchor: string | undefined;
  /** Steps that it may take at one value, besides its children's. */
  readonly steps: number;
}

/** Subschemas, with and without `$ref` followed: beyond that, compiled code outgrows the stack. */
export const MAX_SUBSCHEMAS = 1_000;
/** Names in all `dependentRequired` of a schema, which become code each. */
export const MAX_DEPENDENCIES = 200;
/** Subschemas within each other, `$ref` followed. */
export const MAX_DEPTH = 20;
/** The longest list that `uniqueItems` may compare, each element with each. */
export const MAX_UNIQUE_ITEMS = 1_000;
/** Characters of a pattern. */
export const MAX_PATTERN_CHARS = 1_000;
/** Instructions of all patterns of a schema together, see `LinearRegExp.size`. */
export const MAX_PATTERN_SIZE = 10_000;

/**
 * Finds every subschema of a schema whose shape is valid. Throws RequestFailure `invalid`, with the JSON pointer, for keywords,
 * formats and patterns that aren't taken and for what would make checking an event costly.
 */
export function inspectSchema(root: Readonly<Record<string, unknown>>): ReadonlyMap<string, Subschema> {
  const found = new Map<string, Subschema>();
  let patternSize = 0;
  let dependencies = 0;

  const addPattern = (pattern: string, pointer: string): number => {
    const size = patternSizeOf(pattern, pointer);
    patternSize += size;
    if (patternSize <= MAX_PATTERN_SIZE) return size;
    throw refusedSchema(pointer, 'makes the patterns of the schema too complex together');
  };

  const addDependencies = (dependents: unknown, pointer: string): number => {
    const count = Object.values(Object(dependents)).reduce(
      (sum: number, names) => sum + 1 + lengthOf(names),
      0,
    );
    dependencies += count;
    if (dependencies <= MAX_DEPENDENCIES) return count;
    throw refusedSchema(pointer, `has too many names: there may be ${MAX_DEPENDENCIES} in all`);
  };

  const visit = (schema: unknown, pointer: string, depth: number): void => {
    if (depth > MAX_DEPTH) throw refusedSchema(pointer, `is nested deeper than ${MAX_DEPTH} subschemas`);
    if (found.size === MAX_SUBSCHEMAS) {
      throw refusedSchema(pointer, `is one subschema too many: there may be ${MAX_SUBSCHEMAS}`);
    }
    if (!isJsonObject(schema)) {
      found.set(pointer, { children: [], ref: undefined, anchor: undefined, steps: 1 });
      return;
    }
    refuseUnknown(schema, pointer);
    refuseUnboundedUniqueness(schema, pointer);
    const children = subschemasOf(schema, pointer);
    const { pattern, patternProperties, dependentRequired, $ref: ref, $anchor: anchor } = schema;
    let steps = stepsOf(schema) + addDependencies(dependentRequired, pointerTo(pointer, 'dependentRequired'));
    if (typeof pattern === 'string') steps += addPattern(pattern, pointerTo(pointer, 'pattern'));
    for (const name of namesOf(patternProperties)) {
      steps += addPattern(name, pointerTo(pointerTo(pointer, 'patternProperties'), name));
    }
    found.set(pointer, {
      children: children.flatMap((child) => (child.applies ? [child.pointer] : [])),
      ref: typeof ref === 'string' ? ref : undefined,
      anchor: typeof anchor === 'string' ? anchor : undefined,
      steps,
    });
    for (const child of children) visit(child.schema, child.pointer, depth + 1);
  };

  visit(root, '', 1);
  return found;
}

interface Child {
  readonly schema: unknown;
  readonly pointer: string;
  /** False for definitions, which apply only where something refers to them. */
  readonly applies: boolean;
}

function subschemasOf(schema: Readonly<Record<string, unknown>>, pointer: string): Child[] {
  return Object.entries(schema).flatMap(([keyword, value]) => {
    const shape = KEYWORDS.get(keyword) ?? 'value';
    return childrenOf(shape, value, pointerTo(pointer, keyword));
  });
}

function childrenOf(shape: KeywordShape, value: unknown, pointer: string): Child[] {
  switch (shape) {
    case 'value':
      return [];
    case 'subschema':
      return [{ schema: value, pointer, applies: true }];
    case 'list':
    case 'map':
    case 'definitions':
      // Of a list these are the indexes. The meta-schema lets nothing else than lists and objects pass.
      return Object.entries(Object(value)).map(([name, schema]) => ({
        schema,
        pointer: pointerTo(pointer, name),
        applies: shape !== 'definitions',
      }));
  }
}

function refuseUnknown(schema: Readonly<Record<string, unknown>>, pointer: string): void {
  for (const keyword of Object.keys(schema)) {
    const place = pointerTo(pointer, keyword);
    if (!KEYWORDS.has(keyword)) {
      throw refusedSchema(place, HINTS.get(keyword) ?? 'is not a keyword of JSON Schema 2020-12');
    }
    const companions = COMPANIONS.get(keyword);
    if (companions?.some((name) => Object.hasOwn(schema, name)) === false) {
      throw refusedSchema(place, `does nothing without ${companions.join(' or ')}`);
    }
  }
  const { format } = schema;
  if (typeof format === 'string' && !Object.hasOwn(FORMATS, format)) {
    const known = Object.keys(FORMATS).join(', ');
    throw refusedSchema(pointerTo(pointer, 'format'), `must be one of ${known}`);
  }
}

function refuseUnboundedUniqueness(schema: Readonly<Record<string, unknown>>, pointer: string): void {
  const { uniqueItems, maxItems } = schema;
  if (uniqueItems !== true || (typeof maxItems === 'number' && maxItems <= MAX_UNIQUE_ITEMS)) return;
  const reason = `needs a maxItems of at most ${MAX_UNIQUE_ITEMS} beside it`;
  throw refusedSchema(pointerTo(pointer, 'uniqueItems'), reason);
}

function patternSizeOf(pattern: string, pointer: string): number {
  if (pattern.length > MAX_PATTERN_CHARS) {
    throw refusedSchema(pointer, `is longer than ${MAX_PATTERN_CHARS} characters`);
  }
  try {
    return linearRegExp(pattern).size;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw refusedSchema(pointer, `is not a regular expression in RE2's syntax: ${said}`);
  }
}

function stepsOf(schema: Readonly<Record<string, unknown>>): number {
  const unique = schema['uniqueItems'] === true ? Number(schema['maxItems']) : 0;
  return 1 + unique + lengthOf(schema['enum']) + lengthOf(schema['required']);
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function namesOf(map: unknown): string[] {
  return isJsonObject(map) ? Object.keys(map) : [];
}
