export { eventually } from './eventually.ts';
export { createFixedClock, type FixedClock } from './fixed-clock.ts';
export { hermeticEnvironment } from './hermetic-environment.ts';
export { type HttpAnswer, type HttpCall, httpCall, rawExchange } from './http-call.ts';
export { createInspector, type Inspector } from './inspector.ts';
export { onEachTopology } from './on-each-topology.ts';
export { type RedisServer, startRedis } from './redis-server.ts';
export { startTestStack, type TestStack, type TestStackOptions, type Topology } from './test-stack.ts';
