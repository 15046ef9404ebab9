import { pointerTo, refusedSchema } from './describe-violation.ts';
import { MAX_DEPTH, MAX_SUBSCHEMAS, type Subschema } from './inspect-schema.ts';

/** What a schema comes to when every `$ref` is replaced by what it refers to. */
interface Extent {
  readonly subschemas: number;
  readonly depth: number;
  readonly steps: number;
}

/**
 * The steps that checking one value may take at most. Throws RequestFailure `invalid` for a schema that refers to itself, to what
 * is no schema or to another document, or that is too large or too deep when its references are followed.
 */
export function measureSchema(subschemas: ReadonlyMap<string, Subschema>): number {
  const anchors = indexAnchors(subschemas);
  const known = new Map<string, Extent>();
  const open = new Set<string>();

  const measure = (pointer: string, via: string): Extent => {
    const extent = known.get(pointer);
    if (extent !== undefined) return extent;
    if (open.has(pointer))
      throw refusedSchema(via, 'refers to what it is a part of: recursion is not supported');
    open.add(pointer);
    const measured = sum(pointer);
    open.delete(pointer);
    known.set(pointer, measured);
    return measured;
  };

  const sum = (pointer: string): Extent => {
    const subschema = subschemas.get(pointer);
    if (subschema === undefined) throw refusedSchema(pointer, 'is not a schema');
    const total = { subschemas: 1, depth: 0, steps: subschema.steps };
    const add = (part: Extent): void => {
      total.subschemas += part.subschemas;
      total.depth = Math.max(total.depth, part.depth);
      total.steps += part.steps;
    };
    for (const child of subschema.children) add(measure(child, child));
    if (subschema.ref !== undefined) {
      const place = pointerTo(pointer, '$ref');
      add(measure(targetOf(subschema.ref, place, subschemas, anchors), place));
    }
    total.depth++;
    if (total.subschemas > MAX_SUBSCHEMAS) {
      throw refusedSchema(pointer, `has more than ${MAX_SUBSCHEMAS} subschemas when every $ref is followed`);
    }
    if (total.depth > MAX_DEPTH) {
      throw refusedSchema(
        pointer,
        `is nested deeper than ${MAX_DEPTH} subschemas when every $ref is followed`,
      );
    }
    return total;
  };

  for (const pointer of subschemas.keys()) measure(pointer, pointer);
  return measure('', '').steps;
}

function indexAnchors(subschemas: ReadonlyMap<string, Subschema>): ReadonlyMap<string, string> {
  const anchors = new Map<string, string>();
  for (const [pointer, { anchor }] of subschemas) {
    if (anchor === undefined) continue;
    if (anchors.has(anchor)) throw refusedSchema(pointerTo(pointer, '$anchor'), 'is used more than once');
    anchors.set(anchor, pointer);
  }
  return anchors;
}

function targetOf(
  ref: string,
  place: string,
  subschemas: ReadonlyMap<string, Subschema>,
  anchors: ReadonlyMap<string, string>,
): string {
  if (!ref.startsWith('#')) throw refusedSchema(place, 'must begin with #: other documents are not read');
  const fragment = decodeFragment(ref.slice(1));
  const pointer = fragment === '' || fragment?.startsWith('/') ? fragment : anchors.get(fragment ?? '');
  if (pointer === undefined || !subschemas.has(pointer)) {
    throw refusedSchema(place, 'refers to what is not a schema of this document');
  }
  return pointer;
}

function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
