import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode, visit } from 'graphql';

/** Tokens of a document's text, which also bounds how deep the parser nests. */
export const MAX_TOKENS = 1_000;

/** What a document may ask for. Fragments count wherever they are spread. */
const LIMITS = { depth: 6, aliases: 15, cost: 100, directives: 10 } as const;

type Size = Readonly<Record<keyof typeof LIMITS, number>>;
type Measured = Omit<Size, 'directives'>;

const NOTHING: Measured = { depth: 0, aliases: 0, cost: 0 };

/** Fields that describe the schema; where they are allowed, validation bounds what is below them. */
const INTROSPECTION = new Set(['__schema', '__type']);

/** Names the limit that a document exceeds; undefined for none. `costs` are those of fields that don't cost 1. */
export function exceededLimit(
  document: DocumentNode,
  costs: ReadonlyMap<string, number>,
): string | undefined {
  const size: Size = { ...measureOperations(document, costs), directives: countDirectives(document) };
  const names: (keyof typeof LIMITS)[] = ['depth', 'aliases', 'cost', 'directives'];
  const name = names.find((candidate) => size[candidate] > LIMITS[candidate]);
  return name && `The document exceeds the limit of ${LIMITS[name]} for ${name}`;
}

/** All operations together: which one will run is not worth knowing. */
function measureOperations(document: DocumentNode, costs: ReadonlyMap<string, number>): Measured {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  // Relative to where they are spread, so that one measure holds everywhere and repeated spreads cost nothing to count.
  const measured = new Map<string, Measured>();

  function measureFragment(name: string): Measured {
    const known = measured.get(name);
    if (known) return known;
    // A cycle ends here; validation refuses it.
    measured.set(name, NOTHING);
    const fragment = fragments.get(name);
    const size = fragment ? measure(fragment.selectionSet) : NOTHING;
    measured.set(name, size);
    return size;
  }

  function measure({ selections }: SelectionSetNode): Measured {
    let sum = NOTHING;
    for (const selection of selections) {
      switch (selection.kind) {
        case Kind.FRAGMENT_SPREAD:
          sum = together(sum, measureFragment(selection.name.value));
          break;
        case Kind.INLINE_FRAGMENT:
          sum = together(sum, measure(selection.selectionSet));
          break;
        case Kind.FIELD: {
          const { name, alias, selectionSet } = selection;
          const within = selectionSet && !INTROSPECTION.has(name.value) ? measure(selectionSet) : NOTHING;
          sum = together(sum, {
            depth: within.depth + 1,
            aliases: within.aliases + (alias ? 1 : 0),
            cost: within.cost + (costs.get(name.value) ?? 1),
          });
          break;
        }
      }
    }
    return sum;
  }

  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map(({ selectionSet }) => measure(selectionSet))
    .reduce(together, NOTHING);
}

function together(a: Measured, b: Measured): Measured {
  return { depth: Math.max(a.depth, b.depth), aliases: a.aliases + b.aliases, cost: a.cost + b.cost };
}

/** Wherever they are: also where no field is. */
function countDirectives(document: DocumentNode): number {
  let count = 0;
  visit(document, { Directive: () => void count++ });
  return count;
}
