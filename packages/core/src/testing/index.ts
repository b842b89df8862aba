/** For tests only: time, chance and logs that are under control, certificates, a port, and waiting for what is not. */
export { testClock } from './clock.ts';
export type { TestClock } from './clock.ts';
export { testRandom } from './random.ts';
export { recordingLogger } from './logger.ts';
export { makeCertificate } from './certificate.ts';
export type { Certificate, CertificateOptions } from './certificate.ts';
export { Listener } from './listener.ts';
export type { ListenerTls } from './listener.ts';
export { rejection, until } from './waiting.ts';
