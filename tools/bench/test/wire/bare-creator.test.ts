import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { BareCreator } from '../../src/children/bare-creator.ts';
import { startChild } from '../../src/measure/child.ts';

const COUNT = 10;

/** An Argo Server that is asked too much by so many requests at first. */
async function busyServer(refusals: number) {
  const bodies: string[] = [];
  let left = refusals;
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      left -= 1;
      if (left >= 0) {
        answer.writeHead(429, { 'retry-after': '0' }).end();
        return;
      }
      bodies.push(Buffer.concat(chunks).toString());
      answer.writeHead(200).end('{}');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => void server.close(() => resolve()));
  };
  return { endpoint, bodies, [Symbol.asyncDispose]: close };
}

it('a bare loop that is told to wait waits, counts it, and creates everything once', async () => {
  await using server = await busyServer(3);
  await using bare = startChild<BareCreator>('children/bare-creator.ts', new AbortController().signal);
  const { endpoint, bodies } = server;
  await bare.ask('open', { place: { endpoint, token: 'no-token' }, namespace: 'runs', atOnce: 2 });
  const like = { metadata: { name: 'one', labels: { owner: 'somebody', kind: 'run' } } };
  const made = await bare.ask('create', like, COUNT, { owner: 'nobody' });
  expect(made).toMatchObject({ count: COUNT, throttled: 3 });
  expect(made.cpuMs).toBeGreaterThan(0);
  const created = bodies.map((body) => JSON.parse(body) as { readonly workflow: typeof like });
  expect(new Set(created.map(({ workflow }) => workflow.metadata.name)).size).toBe(COUNT);
  expect(created.every(({ workflow }) => workflow.metadata.labels.owner === 'nobody')).toBe(true);
});
