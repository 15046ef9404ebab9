export {
  type CertificateAuthority,
  type CertificateFiles,
  createCertificateAuthority,
} from './certificates.ts';
export { eventually } from './eventually.ts';
export { createFixedClock, type FixedClock } from './fixed-clock.ts';
export { type HttpAnswer, type HttpCall, httpCall, rawExchange } from './http-call.ts';
export { type MailServer, type ReceivedMail, type SignedIn, signIn, startMailServer } from './mail-server.ts';
export { onEachTopology, onStandalone } from './on-each-topology.ts';
export { type RedisServer, startRedis } from './redis-server.ts';
export {
  createInspector,
  hermeticEnvironment,
  type Inspector,
  startTestStack,
  type TestStack,
  type TestStackOptions,
  type Topology,
} from './test-stack.ts';
