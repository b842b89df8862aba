import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { createService } from './service.ts';

const { TOKEN = randomUUID(), PORT = '8080' } = process.env;
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
