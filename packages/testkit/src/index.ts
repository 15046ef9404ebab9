export {
  type CertificateAuthority,
  type CertificateFiles,
  createCertificateAuthority,
} from './certificates.ts';
export { eventually } from './eventually.ts';
export { createFixedClock, type FixedClock } from './fixed-clock.ts';
export { hermeticEnvironment } from './hermetic-environment.ts';
export { type HttpAnswer, type HttpCall, httpCall, rawExchange } from './http-call.ts';
export { createInspector, type Inspector } from './inspector.ts';
export { type MailServer, type ReceivedMail, startMailServer } from './mail-server.ts';
export { onEachTopology, onStandalone } from './on-each-topology.ts';
export { type RedisServer, startRedis } from './redis-server.ts';
export { type SignedIn, signIn } from './sign-in.ts';
export { startTestStack, type TestStack, type TestStackOptions, type Topology } from './test-stack.ts';
