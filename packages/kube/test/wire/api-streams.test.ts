import { rejection, testClock } from '@runner/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeApi, WatchEvent } from '../../src/api/kube-api.ts';
import { CONFIG_MAPS } from '../../src/objects.ts';
import type { ConfigMap } from '../../src/objects.ts';
import { scriptClient } from '../support/script-client.ts';
import type { Step } from '../support/script-server.ts';
import { html, json, pieces, refusal, reset, scriptServer, silence } from '../support/script-server.ts';

const signal = new AbortController().signal;
const WATCH = { signal, resourceVersion: '7', timeoutSeconds: 300 };
const POD_LOG = { signal, container: 'main' };

async function all(events: AsyncIterable<WatchEvent<ConfigMap>>): Promise<readonly WatchEvent<ConfigMap>[]> {
  const out: WatchEvent<ConfigMap>[] = [];
  for await (const event of events) out.push(event);
  return out;
}

const watchAll = (api: KubeApi): Promise<readonly WatchEvent<ConfigMap>[]> =>
  all(api.watch(CONFIG_MAPS, 'runs', { ...WATCH }));

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const map = (name: string, text = ''): ConfigMap => ({ metadata: { name, resourceVersion: '8' }, data: { text } });

describe('a watch', () => {
  it('gives events and bookmarks, and ends when the server ends it', async () => {
    const bookmark = { kind: 'ConfigMap', metadata: { resourceVersion: '9' } };
    const body =
      line('ADDED', map('one')) + line('BOOKMARK', bookmark) + line('NEW_IDEA', {}) + line('DELETED', map('one'));
    await using server = await scriptServer([pieces([body])]);
    await using client = scriptClient(server, testClock());
    const events = all(client.api.watch(CONFIG_MAPS, 'runs', { ...WATCH, labelSelector: 'a=b' }));
    expect(await events).toEqual([
      { type: 'ADDED', object: map('one') },
      { type: 'BOOKMARK', resourceVersion: '9' },
      { type: 'DELETED', object: map('one') },
    ]);
    expect(Object.fromEntries(new URL(server.requests[0]!.url, server.url).searchParams)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '7',
      timeoutSeconds: '300',
      labelSelector: 'a=b',
    });
  });

  it('reads the same wherever chunks are cut, within characters as well', async () => {
    const names = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 4 });
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(names, cuts, async (texts, places) => {
        const events = texts.map((text) => ({ type: 'ADDED' as const, object: map('one', text) }));
        const bytes = Buffer.from(events.map((event) => line(event.type, event.object)).join(''), 'utf8');
        const ends = [...new Set([...places.map((place) => Math.min(place, bytes.length)), bytes.length])];
        ends.sort((a, b) => a - b);
        const parts = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
        await using server = await scriptServer([pieces(parts.filter((part) => part.length > 0))]);
        await using client = scriptClient(server, testClock());
        expect(await watchAll(client.api)).toEqual(events);
      }),
      { numRuns: 30 },
    );
  });

  it.each<[string, number, string, string]>([
    ['410 of the answer', 0, 'Expired', 'kube_expired'],
    ['410 as an event', 410, 'Expired', 'kube_expired'],
    ['500 as an event', 500, 'InternalError', 'kube_server_error'],
  ])('throws %s', async (_name, code, reason, expected) => {
    const event = line('ERROR', { kind: 'Status', code, reason, message: 'too old resource version: 1 (7)' });
    const step =
      code === 0 ? refusal(410, reason, 'too old resource version') : pieces([line('ADDED', map('a')), event]);
    await using server = await scriptServer([step]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(watchAll(client.api));
    expect(error).toMatchObject({
      code: expected,
      retryable: true,
      details: { verb: 'watch', resource: 'configmaps' },
    });
  });

  it.each<[string, Step, string]>([
    ['a line that is cut', pieces([line('ADDED', map('a')), '{"type":"ADD'], 'cut'), 'kube_unreachable'],
    ['a line that just ends', pieces([line('ADDED', map('a')), '{"type":"ADD']), 'kube_unreachable'],
    ['a connection that is cut between lines', pieces([line('ADDED', map('a'))], 'cut'), 'kube_unreachable'],
    ['a line that is no JSON', pieces(['<html>\n']), 'kube_protocol'],
    ['a line that is no event', pieces(['{"a":1}\n']), 'kube_protocol'],
    ['a page', html(200), 'kube_protocol'],
  ])('throws after %s', async (_name, step, code) => {
    await using server = await scriptServer([step]);
    await using client = scriptClient(server, testClock());
    expect((await rejection(watchAll(client.api))).code).toBe(code);
  });

  it('does not read a line without end', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const endless: Step = (request, response) => {
      response.writeHead(200);
      const more = (): void => {
        if (!request.socket.destroyed) response.write(chunk, more);
      };
      more();
    };
    await using server = await scriptServer([endless]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(watchAll(client.api));
    expect(error).toMatchObject({ code: 'kube_protocol', message: expect.stringContaining('longer than') as string });
  });

  it('takes time in proportion to what it reads, a byte at a time as well', async () => {
    const bytes = Buffer.from(line('ADDED', map('big', 'y'.repeat(20_000))));
    const parts = Array.from(bytes, (byte) => Uint8Array.of(byte));
    await using server = await scriptServer([pieces(parts)]);
    await using client = scriptClient(server, testClock());
    expect(await watchAll(client.api)).toHaveLength(1);
  });

  it.each<[string, Step]>([
    ['500', refusal(500, 'InternalError', 'etcd is away')],
    ['429', refusal(429, 'TooManyRequests', 'slow down', { headers: { 'retry-after': '1' } })],
    ['a reset', reset],
  ])('is not begun again by itself after %s: its owner has a back-off', async (_name, step) => {
    await using server = await scriptServer([step]);
    await using client = scriptClient(server, testClock());
    expect((await rejection(watchAll(client.api))).retryable).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it('has a deadline only until the server answers', async () => {
    await using server = await scriptServer([pieces([line('ADDED', map('one'))], 'open'), silence]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const stop = new AbortController();
    const events = client.api.watch(CONFIG_MAPS, 'runs', { ...WATCH, signal: stop.signal })[Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ type: 'ADDED' });
    const waiting = rejection(events.next());
    await clock.advance(600_000);
    expect(clock.pendingTimers).toBe(0);
    stop.abort();
    expect((await waiting).code).toBe('aborted');

    const silent = rejection(watchAll(client.api));
    await server.came(2);
    await clock.advance(30_000);
    expect((await silent).code).toBe('kube_timeout');
  });

  it('closes its connection when it is left', async () => {
    await using server = await scriptServer([pieces([line('ADDED', map('one'))], 'open')]);
    await using client = scriptClient(server, testClock());
    for await (const event of client.api.watch(CONFIG_MAPS, 'runs', { ...WATCH })) {
      expect(event.type).toBe('ADDED');
      break;
    }
    while (server.open.size > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('does not take the place of a call', async () => {
    await using server = await scriptServer([
      pieces([line('ADDED', map('one'))], 'open'),
      pieces([line('ADDED', map('one'))], 'open'),
      json(200, map('one')),
    ]);
    await using client = scriptClient(server, testClock(), { mostCalls: 1 });
    const watches = [1, 2].map(() => client.api.watch(CONFIG_MAPS, 'runs', { ...WATCH })[Symbol.asyncIterator]());
    for (const watch of watches) await watch.next();
    expect(await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal })).toEqual(map('one'));
  });

  it('ends when the client is closed', async () => {
    await using server = await scriptServer([pieces([line('ADDED', map('one'))], 'open')]);
    await using client = scriptClient(server, testClock());
    const events = client.api.watch(CONFIG_MAPS, 'runs', { ...WATCH })[Symbol.asyncIterator]();
    await events.next();
    const next = rejection(events.next());
    await client.api.close();
    expect(await next).toMatchObject({
      code: 'kube_unreachable',
      message: expect.stringContaining('closed') as string,
    });
  });
});

describe('a log', () => {
  const read = async (chunks: AsyncIterable<Uint8Array> | undefined): Promise<string | undefined> => {
    if (chunks === undefined) return undefined;
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    return Buffer.concat(parts).toString('utf8');
  };

  it('is given as it comes', async () => {
    const first = pieces(['one\n'], 'open');
    await using server = await scriptServer([first]);
    await using client = scriptClient(server, testClock());
    const stop = new AbortController();
    const options = {
      container: 'main',
      follow: true,
      sinceTime: '2026-01-01T00:00:00Z',
      tailLines: 5,
      timestamps: true,
    };
    const chunks = await client.api.podLog('runs', 'pod-1', { ...options, signal: stop.signal });
    const iterator = chunks![Symbol.asyncIterator]();
    const next = await iterator.next();
    expect(Buffer.from(next.value as Uint8Array).toString()).toBe('one\n');
    const url = new URL(server.requests[0]!.url, server.url);
    expect(url.pathname).toBe('/api/v1/namespaces/runs/pods/pod-1/log');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      container: 'main',
      follow: 'true',
      sinceTime: '2026-01-01T00:00:00Z',
      tailLines: '5',
      timestamps: 'true',
    });
    stop.abort();
    expect((await rejection(iterator.next())).code).toBe('aborted');
  });

  it('that has no end yet has no deadline either', async () => {
    await using server = await scriptServer([pieces([], 'open')]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const stop = new AbortController();
    const chunks = await client.api.podLog('runs', 'pod-1', { container: 'main', follow: true, signal: stop.signal });
    const next = rejection(chunks![Symbol.asyncIterator]().next());
    await clock.advance(3_600_000);
    stop.abort();
    expect((await next).code).toBe('aborted');
  });

  it.each<[string, Step]>([
    [
      'the pod is not there',
      refusal(404, 'NotFound', 'pods "pod-1" not found', { details: { name: 'pod-1', kind: 'pods' } }),
    ],
    [
      'the kubelet does not know it',
      refusal(404, 'NotFound', 'the server could not find the requested resource ( pods/log pod-1)'),
    ],
    [
      'the container is created',
      refusal(400, 'BadRequest', 'container "main" in pod "pod-1" is waiting to start: ContainerCreating'),
    ],
    [
      'the image cannot be pulled',
      refusal(400, 'BadRequest', 'container "main" in pod "pod-1" is waiting to start: image can\'t be pulled'),
    ],
    [
      'the pod is initialised',
      refusal(400, 'BadRequest', 'container "main" in pod "pod-1" is waiting to start: PodInitializing'),
    ],
  ])('is undefined when %s', async (_name, step) => {
    await using server = await scriptServer([step]);
    await using client = scriptClient(server, testClock());
    expect(await client.api.podLog('runs', 'pod-1', POD_LOG)).toBeUndefined();
  });

  it('of a container that the pod does not have is an error', async () => {
    await using server = await scriptServer([refusal(400, 'BadRequest', 'container main is not valid for pod pod-1')]);
    await using client = scriptClient(server, testClock());
    expect((await rejection(client.api.podLog('runs', 'pod-1', POD_LOG))).code).toBe('kube_invalid');
  });

  it('that is cut says so after what came', async () => {
    await using server = await scriptServer([pieces(['one\n', 'two'], 'cut')]);
    await using client = scriptClient(server, testClock());
    const chunks = await client.api.podLog('runs', 'pod-1', POD_LOG);
    const parts: string[] = [];
    const error = await rejection(
      (async () => {
        for await (const chunk of chunks!) parts.push(Buffer.from(chunk).toString());
      })(),
    );
    expect(parts.join('')).toBe('one\ntwo');
    expect(error).toMatchObject({ code: 'kube_unreachable', retryable: true });
  });

  it('is opened again while the server is away', async () => {
    await using server = await scriptServer([reset, pieces(['one\n'])]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const chunks = client.api.podLog('runs', 'pod-1', POD_LOG);
    await server.came(1);
    while (clock.pendingTimers < 2) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(400);
    expect(await read(await chunks)).toBe('one\n');
  });

  it('can be left unread until it is aborted', async () => {
    await using server = await scriptServer([pieces(['one\n'], 'open')]);
    await using client = scriptClient(server, testClock());
    const stop = new AbortController();
    const chunks = await client.api.podLog('runs', 'pod-1', { container: 'main', signal: stop.signal });
    stop.abort();
    while (server.open.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await rejection(chunks![Symbol.asyncIterator]().next())).code).toBe('aborted');
  });
});
