import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '@runner/core';
import { silentLogger } from '@runner/core';
import type { BridgeObserver } from '@runner/protocol/server';
import type { Auth } from '../../src/auth/index.ts';
import { createAuth } from '../../src/auth/index.ts';
import type { GatewayRoom } from '../../src/gateway/index.ts';
import { createGateway } from '../../src/gateway/index.ts';
import type { Store } from '../../src/store/ports.ts';
import { clock, random } from './postgres.ts';

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly gateway: GatewayRoom;
  readonly auth: Auth;
  token(agentId?: string): Promise<{ readonly token: string; readonly id: string }>;
}

/** The gateway of one replica on an HTTP server of its own. The store is the caller's. */
export async function testGateway(
  store: Store,
  options: { readonly logger?: Logger; readonly observer?: BridgeObserver; readonly replicaId?: string } = {},
): Promise<TestGateway> {
  const { logger = silentLogger } = options;
  const auth = await createAuth({ store, clock, random, logger, publicUrl: 'http://127.0.0.1' });
  const gateway = createGateway({
    store,
    auth,
    clock,
    random,
    logger,
    controlPlaneId: '99999999-9999-4999-8999-999999999999',
    replicaId: options.replicaId ?? 'replica-1',
    openMetadataVersion: '1.13.3',
    pace: { registrationMs: 50, revocationMs: 50, logLookMs: 200, readerMs: 300 },
    ...(options.observer === undefined ? {} : { observer: options.observer }),
  });
  const server = createServer((_request, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  gateway.attach(server);
  await gateway.start?.(new AbortController().signal);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    gateway,
    auth,
    token: async (agentId) => {
      const role = agentId === undefined ? 'bot' : 'runner';
      const { token, row } = await auth.issue({
        role,
        subject: 'a test',
        ...(agentId === undefined ? {} : { agentId }),
      });
      return { token, id: row.id };
    },
    [Symbol.asyncDispose]: async () => {
      await gateway.stop?.(AbortSignal.timeout(5_000));
      server.closeAllConnections();
      server.close();
    },
  };
}
