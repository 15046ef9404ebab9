/** Parts of the contract's names that a body's path doesn't have. */
const SILENT = new Set(['query', 'comparison', 'filters', 'range']);
const RENAMED: Readonly<Record<string, string>> = {
  all: 'and',
  any: 'or',
  equals: 'eq',
  starts_with: 'startsWith',
  conversion_window: 'within',
};

/** Where in a body of `POST /v1/query` the field stands that the contract calls `filter.all.filters[2].comparison.field`. */
export function restPath(field: string): (string | number)[] {
  const path: (string | number)[] = [];
  for (const [, name, index] of field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (index !== undefined) path.push(Number(index));
    else if (name !== undefined && !SILENT.has(name)) path.push(RENAMED[name] ?? camelCase(name));
  }
  return path;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
