import type { Call } from './call.ts';
import type { CallTarget } from './check-url.ts';
import { Connection } from './connection.ts';
import type { Dialler } from './dialler.ts';

/** How many connections there may be. */
export interface ConnectionLimits {
  /** Of all, busy or at rest. */
  readonly total: number;
  readonly perOrigin: number;
  /** At rest; the one that was used least recently goes. */
  readonly idle: number;
}

/** Gives calls a connection, or has them wait for one in the order in which they came. */
export interface Connections {
  submit(call: Call): void;
  /** Takes back the connection of a call that has ended, or its place among those that wait. */
  release(call: Call): void;
  /** Closes all connections that are at rest at the call's origin, and gives it a new one. */
  replace(call: Call): void;
  /** How many there are. */
  readonly open: number;
  close(): void;
}

interface Origin {
  readonly name: string;
  open: number;
  /** The one that was used last comes last, and is used next. */
  readonly idle: Connection[];
  readonly waiting: Set<Call>;
}

/** Keeps connections for any number of origins within limits. Where all are taken, origins get what comes free in turn. */
export function createConnections({
  dialler,
  limits,
}: {
  dialler: Dialler;
  limits: ConnectionLimits;
}): Connections {
  const origins = new Map<string, Origin>();
  const all = new Set<Connection>();
  /** Least recently used first. */
  const idle = new Set<Connection>();
  /** Origins with calls that wait although they have fewer connections than they may. */
  const starved = new Set<Origin>();
  let isServing = false;

  const originOf = (name: string): Origin => {
    let origin = origins.get(name);
    if (origin === undefined) {
      origin = { name, open: 0, idle: [], waiting: new Set() };
      origins.set(name, origin);
    }
    return origin;
  };

  const unpark = (connection: Connection, origin: Origin): void => {
    if (!idle.delete(connection)) return;
    origin.idle.splice(origin.idle.indexOf(connection), 1);
  };

  const close = (connection: Connection): void => {
    if (!all.delete(connection)) return;
    const origin = originOf(connection.origin);
    unpark(connection, origin);
    origin.open -= 1;
    connection.close();
    serveSoon(origin);
  };

  const take = (origin: Origin, target: CallTarget): Connection | undefined => {
    const rested = origin.idle.pop();
    if (rested !== undefined) {
      idle.delete(rested);
      return rested;
    }
    if (origin.open >= limits.perOrigin) return undefined;
    if (all.size >= limits.total) {
      const [longestAtRest] = idle;
      if (longestAtRest === undefined) return undefined;
      close(longestAtRest);
    }
    const connection = new Connection(target, dialler, (lost) => {
      if (idle.has(lost)) close(lost);
    });
    all.add(connection);
    origin.open += 1;
    return connection;
  };

  const park = (connection: Connection, origin: Origin): void => {
    origin.idle.push(connection);
    idle.add(connection);
    const [longestAtRest] = idle;
    if (idle.size > limits.idle && longestAtRest !== undefined) close(longestAtRest);
  };

  /** Later, since this may be called from within a call that ends: a queue of calls that all fail would go round here. */
  const serveSoon = (origin: Origin): void => {
    if (origin.waiting.size > 0) starved.add(origin);
    else if (origin.open === 0) origins.delete(origin.name);
    if (starved.size === 0 || isServing) return;
    isServing = true;
    queueMicrotask(serve);
  };

  const serve = (): void => {
    isServing = false;
    for (const origin of starved) {
      const [call] = origin.waiting;
      const connection = call && take(origin, call.target);
      if (call !== undefined && connection === undefined && origin.open < limits.perOrigin) return;
      starved.delete(origin);
      if (call === undefined || connection === undefined) continue;
      origin.waiting.delete(call);
      // Behind the others, so it is its turn again once each of them has had one.
      if (origin.waiting.size > 0) starved.add(origin);
      connection.send(call);
    }
  };

  const submit = (call: Call): void => {
    const origin = originOf(call.target.origin);
    const connection = take(origin, call.target);
    if (connection !== undefined) {
      connection.send(call);
      return;
    }
    origin.waiting.add(call);
    if (origin.open < limits.perOrigin) starved.add(origin);
  };

  return {
    submit,
    release(call) {
      const origin = originOf(call.target.origin);
      const { connection } = call;
      if (connection === undefined) {
        origin.waiting.delete(call);
        if (origin.waiting.size === 0) starved.delete(origin);
        return serveSoon(origin);
      }
      // It has had its turn; should it still be starved it comes last.
      starved.delete(origin);
      if (!call.isComplete || starved.size > 0) return close(connection);
      connection.isReused = true;
      const [next] = origin.waiting;
      if (next === undefined) return park(connection, origin);
      origin.waiting.delete(next);
      if (origin.waiting.size > 0 && origin.open < limits.perOrigin) starved.add(origin);
      connection.send(next);
    },
    replace(call) {
      const origin = originOf(call.target.origin);
      for (const connection of [...origin.idle]) close(connection);
      if (call.connection !== undefined) close(call.connection);
      call.connection = undefined;
      submit(call);
    },
    get open() {
      return all.size;
    },
    close() {
      for (const connection of all) close(connection);
    },
  };
}
