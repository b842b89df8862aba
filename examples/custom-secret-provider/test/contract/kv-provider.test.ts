import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Secret } from '@runner/core';
import { createKvProvider } from '@runner/example-custom-secret-provider';
import { createSecretResolver } from '@runner/secrets';
import type { ProviderHarness } from '@runner/secrets/testing';
import { secretProviderContract } from '@runner/secrets/testing';
import { expect, it } from 'vitest';

interface Store extends ProviderHarness {
  /** The next answers, in order, whatever is asked. */
  readonly answers: ((response: ServerResponse) => void)[];
  readonly server: Server;
}

/** A store of the kind, small enough to read: paths, a token, and answers that a test can replace. */
async function store(): Promise<Store> {
  const values = new Map<string, string>();
  const answers: Store['answers'] = [];
  const server = createServer((request, response) => {
    const answer = answers.shift();
    const value = values.get(decodeURIComponent((request.url ?? '').replace('/v1/secret/data/', '')));
    if (answer !== undefined) answer(response);
    else if (request.headers['x-vault-token'] !== 'a token')
      response.writeHead(403).end('{"errors":["permission denied"]}');
    else if (value === undefined) response.writeHead(404).end('{"errors":[]}');
    else response.end(JSON.stringify({ data: { data: { value }, metadata: { version: 1 } } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    answers,
    server,
    provider: createKvProvider({ address, token: new Secret('a token') }),
    put: (id, value) => {
      values.set(id, typeof value === 'string' ? value : Buffer.from(value).toString());
      return Promise.resolve();
    },
    remove: (id) => {
      values.delete(id);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      if (server.listening) await once(server.close(), 'close');
    },
  };
}

const answering = (status: number, body: string, headers: Record<string, string> = {}) => ({
  arrange: (harness: ProviderHarness): Promise<string> => {
    (harness as Store).answers.push((response) => response.writeHead(status, headers).end(body));
    return Promise.resolve('team/db');
  },
});

secretProviderContract('a key-value store over HTTP', {
  make: store,
  ids: ['team/db', 'flat'],
  malformedIds: ['a/../b', 'a//b', '..'],
  // JSON carries text only.
  holdsBytes: false,
  faults: [
    { code: 'secret_forbidden', ...answering(403, '{"errors":["permission denied"]}') },
    { code: 'secret_throttled', ...answering(429, '', { 'retry-after': '2' }) },
    { code: 'secret_unreachable', ...answering(503, '<html>sealed</html>') },
    { code: 'secret_disabled', ...answering(200, '{"data":{"data":null,"metadata":{}}}') },
    { code: 'secret_key_missing', ...answering(200, '{"data":{"data":{"password":"x"}}}') },
    { code: 'secret_integrity', ...answering(200, 'hunter2 is no JSON') },
    { code: 'secret_misconfigured', ...answering(400, '{"errors":["no such mount"]}') },
    {
      code: 'secret_unreachable',
      arrange: async (harness) => {
        const { server } = harness as Store;
        await once(server.close(), 'close');
        return 'team/db';
      },
    },
  ],
});

it('a resolver tries the store again after it was throttled', async () => {
  await using harness = await store();
  await using resolver = createSecretResolver({ provider: harness.provider, retryFloorMs: 1, retryCapMs: 2 });
  await harness.put('team/db', 'value');
  harness.answers.push((response) => response.writeHead(429).end());
  expect((await resolver.resolve('secret:team/db')).reveal()).toBe('value');
});

it('an answer that never ends is given up when the caller gives up', async () => {
  await using harness = await store();
  harness.answers.push((response) => response.writeHead(200).write('{"data":'));
  const gone = new AbortController();
  const pending = harness.provider.fetch('team/db', { signal: gone.signal });
  await once(harness.server, 'request');
  gone.abort();
  await expect(pending).rejects.toMatchObject({ code: 'aborted' });
});
