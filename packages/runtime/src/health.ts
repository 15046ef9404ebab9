/** Whether this process should get traffic: every named condition holds and it isn't draining. */
export interface Health {
  /** Declares a condition, not met until `set`. */
  set(condition: string, met: boolean): void;
  /** From now on never ready again: the process is going down. */
  drain(): void;
  readonly draining: boolean;
  readonly ready: boolean;
  /** The conditions that aren't met. */
  missing(): string[];
}

/** Liveness is the event loop alone; readiness is what is declared here. */
export function createHealth(conditions: readonly string[]): Health {
  const state = new Map<string, boolean>(conditions.map((name) => [name, false]));
  let draining = false;
  const missing = () => [...state].filter(([, met]) => !met).map(([name]) => name);
  return {
    set: (condition, met) => void state.set(condition, met),
    drain() {
      draining = true;
    },
    get draining() {
      return draining;
    },
    get ready() {
      return !draining && missing().length === 0;
    },
    missing: () => (draining ? ['draining', ...missing()] : missing()),
  };
}
