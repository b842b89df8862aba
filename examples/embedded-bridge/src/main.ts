import { randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createService } from './service.ts';

/** The agent takes tokens of the form of a JWT only. This one has the form and no signature: we compare it as a whole. */
function newToken(): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [part({ alg: 'none', typ: 'JWT' }), part({ sub: 'agent' }), randomBytes(24).toString('base64url')].join('.');
}

const { TOKEN = newToken(), PORT = '8080' } = process.env;
const { server, bridge } = createService({ token: TOKEN, controlPlaneId: randomUUID() });

server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`listening on http://127.0.0.1:${port} and ws://127.0.0.1:${port}; the token is ${TOKEN}`);
});

process.once('SIGINT', () => {
  server.close();
  bridge.close(AbortSignal.timeout(5_000)).catch((error: unknown) => console.error(error));
  server.closeAllConnections();
});
