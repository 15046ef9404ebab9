import { type Fault, type Setup, split, standalone } from './fault.ts';
import { killProcesses, killTree } from './kills.ts';
import { pauses } from './pauses.ts';

const harms: readonly (readonly [string, Setup])[] = [
  ['kill-webhook', split],
  ['pause-webhook', split],
  ['kill-nats-server', split],
  ['pause-nats-server', standalone],
  ['kill-clickhouse', split],
  ['pause-clickhouse', standalone],
  ['kill-tree', standalone],
];

/** Harm under which events are delivered to endpoints as well, of which one is ordered and one fails at first. */
export const deliveryFaults: readonly Fault[] = harms.map(([name, setup]) => ({
  ...deliveryFault(name),
  setups: [setup],
}));

/** A fault of the matrix by its name, with endpoints. */
export function deliveryFault(name: string): Fault {
  const fault = [...killProcesses, ...pauses, killTree].find((one) => one.name === name);
  if (fault === undefined) throw new Error(`there is no fault ${name}`);
  return { ...fault, name: `deliver-${name}`, hasDeliveries: true };
}
