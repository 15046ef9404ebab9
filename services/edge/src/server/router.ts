import FindMyWay from 'find-my-way';
import type { Route } from './route.ts';

/** A route and the values of its path. */
export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string | undefined>>;
}

/** Finds the route of a method and a path. */
export interface Router {
  find(method: string, path: string): Match | undefined;
  /** The methods that a path has, for 405. */
  allowed(path: string): string[];
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const isMethod = (method: string): method is (typeof METHODS)[number] =>
  METHODS.some((known) => known === method);

/** Builds a router; two routes with the same method and path are an error. */
export function createRouter(routes: readonly Route[]): Router {
  const trie = FindMyWay({ maxParamLength: 256 });
  const byId: Route[] = [];
  // Paths without parameters are most of the traffic, and a map is quicker than the trie.
  const fixed = new Map<string, Map<string, Match>>();
  for (const route of routes) {
    const store = byId.push(route) - 1;
    trie.on(route.method, route.path, () => undefined, store);
    if (!route.path.includes(':') && !route.path.includes('*')) {
      const methods = fixed.get(route.path) ?? new Map<string, Match>();
      fixed.set(route.path, methods.set(route.method, { route, params: {} }));
    }
  }
  const find = (method: string, asked: string): Match | undefined => {
    // Every path may end in a slash.
    const path = asked.length > 1 && asked.endsWith('/') ? asked.slice(0, -1) : asked;
    // A path that is spelled out has its own methods only: those of a parameter in the same place are for what that can be.
    const known = fixed.get(path);
    if (known) return known.get(method);
    if (!isMethod(method)) return undefined;
    const found = trie.find(method, path);
    const route = typeof found?.store === 'number' ? byId[found.store] : undefined;
    return found && route ? { route, params: found.params } : undefined;
  };
  return { find, allowed: (path) => METHODS.filter((method) => find(method, path) !== undefined) };
}
