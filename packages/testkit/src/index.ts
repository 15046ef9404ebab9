export {
  type CertificateAuthority,
  type CertificateFiles,
  createCertificateAuthority,
} from './certificates.ts';
export { freeze, isFrozen } from './freeze.ts';
export { type HttpAnswer, type HttpCall, httpCall, rawExchange } from './http-call.ts';
export { type MailServer, type ReceivedMail, type SignedIn, signIn, startMailServer } from './mail-server.ts';
export { type RedisServer, startRedis } from './redis-server.ts';
export {
  createInspector,
  hermeticEnvironment,
  type Inspector,
  onEachTopology,
  onStandalone,
  startTestStack,
  type TestStack,
  type TestStackOptions,
  type Topology,
} from './test-stack.ts';
export { createFixedClock, eventually, type FixedClock, untilPushed } from './time.ts';
