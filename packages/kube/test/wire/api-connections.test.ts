import { getEventListeners } from 'node:events';
import { abortError } from '@runner/core';
import { rejection, testClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS } from '../../src/objects.ts';
import { scriptClient } from '../support/script-client.ts';
import type { Step } from '../support/script-server.ts';
import { html, json, refusal, reset, scriptServer, silence, slowBody } from '../support/script-server.ts';

const signal = new AbortController().signal;
const OBJECT = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } };
const unauthorized = refusal(401, 'Unauthorized', 'Unauthorized');

describe('connections', () => {
  it('are kept and used again', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock());
    for (let i = 0; i < 20; i += 1) await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    expect(server.connections).toBe(1);
  });

  it('are kept after a refusal as well', async () => {
    await using server = await scriptServer([refusal(422, 'Invalid', 'no'), json(200, OBJECT)]);
    await using client = scriptClient(server, testClock());
    await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    expect(server.connections).toBe(1);
  });

  it('are no more at once than allowed', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock(), { mostCalls: 3 });
    await Promise.all(Array.from({ length: 50 }, () => client.api.get(CONFIG_MAPS, 'runs', 'one', { signal })));
    expect(server.requests).toHaveLength(50);
    expect(server.connections).toBeLessThanOrEqual(3);
  });

  it('that the server closed in between are replaced at once, without a wait', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const get = (): Promise<unknown> => client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    // Four connections, all of which the server cuts when they are used again.
    await Promise.all([get(), get(), get(), get()]);
    const dead = new Set(server.open);
    const ok = json(200, OBJECT);
    server.script((request, response) => (dead.has(request.socket) ? request.socket.destroy() : ok(request, response)));
    expect(await get()).toEqual(OBJECT);
    expect(clock.monotonic()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are given up together when a call timed out', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const get = (name: string): Promise<unknown> => client.api.get(CONFIG_MAPS, 'runs', name, { signal });
    await Promise.all([get('one'), get('two')]);
    expect(server.connections).toBe(2);
    server.script(silence);
    const hanging = rejection(get('three'));
    await server.came(3);
    await clock.advance(30_000);
    expect((await hanging).code).toBe('kube_timeout');
    server.script(json(200, OBJECT));
    await get('four');
    expect(server.connections).toBe(3);
  });

  it('to an address below a path keep the path', async () => {
    await using server = await scriptServer([json(200, { gitVersion: 'v1.34.4' })]);
    const place = { server: `${server.url}/k8s/clusters/c-1/`, clusterId: 'c', namespace: undefined };
    await using client = scriptClient(server, testClock(), { identity: { place } });
    expect(await client.api.version({ signal })).toBe('v1.34.4');
    expect(server.requests[0]?.url).toBe('/k8s/clusters/c-1/version');
  });
});

describe('credentials', () => {
  it('are asked for with each request', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    let count = 0;
    const authorization = (): Promise<string> => Promise.resolve(`Bearer token-${(count += 1)}`);
    await using client = scriptClient(server, testClock(), { identity: { authorization } });
    for (let i = 0; i < 3; i += 1) await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    expect(server.requests.map((request) => request.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
      'Bearer token-3',
    ]);
  });

  it('are read anew after a 401, once, and at once', async () => {
    await using server = await scriptServer([unauthorized, json(200, OBJECT)]);
    const asked: boolean[] = [];
    const authorization = ({ refresh }: { refresh: boolean }): Promise<string> => {
      asked.push(refresh);
      return Promise.resolve(refresh ? 'Bearer new' : 'Bearer old');
    };
    const clock = testClock();
    await using client = scriptClient(server, clock, { identity: { authorization } });
    expect(await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal })).toEqual(OBJECT);
    expect(asked).toEqual([false, true]);
    expect(server.requests.map((request) => request.authorization)).toEqual(['Bearer old', 'Bearer new']);
  });

  it('that are refused for good are an error that says what to do', async () => {
    await using server = await scriptServer([unauthorized]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    expect(error).toMatchObject({ code: 'kube_unauthorized', retryable: true, details: { status: 401 } });
    expect(error.hint).toContain('service account');
    expect(server.requests).toHaveLength(2);
  });

  it('that cannot be had are an error without their text', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    // Not a real password.
    const authorization = (): Promise<string> => Promise.reject(new Error('login failed: password=hunter2hunter2'));
    await using client = scriptClient(server, testClock(), { identity: { authorization } });
    const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    expect(error.code).toBe('kube_unauthorized');
    expect(error.message).toContain('login failed');
    expect(error.message).not.toContain('hunter2');
    expect(server.requests).toHaveLength(0);
  });

  it('may be none', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock(), {
      identity: { authorization: () => Promise.resolve(undefined) },
    });
    await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    expect(server.requests[0]?.authorization).toBeUndefined();
  });
});

describe('answers that are not the API’s', () => {
  it.each<[string, Step, string]>([
    ['a page with status 200', html(200), 'kube_protocol'],
    ['a redirect', html(302), 'kube_protocol'],
    ['a page that refuses', html(403), 'kube_protocol'],
    ['a page that does not know the address', html(404), 'kube_protocol'],
    ['JSON that is no object', json(200, [1, 2]), 'kube_protocol'],
    ['a page that asks for a login', html(401), 'kube_unauthorized'],
  ])('%s', async (_name, step, code) => {
    await using server = await scriptServer([step]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    expect(error.code).toBe(code);
    expect(error.hint).toMatch(/proxy|token/);
    expect(JSON.stringify(error)).not.toContain('Who are you');
  });

  it('too much of an answer is not read', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    let written = 0;
    const endless: Step = (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        if (request.socket.destroyed) return;
        written += 1;
        response.write(chunk, more);
      };
      more();
    };
    await using server = await scriptServer([endless]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    expect(error).toMatchObject({ code: 'kube_protocol', message: expect.stringContaining('longer than') as string });
    expect(written).toBeLessThan(64);
  });

  it('a server that speaks something else', async () => {
    const garbage: Step = (request) => request.socket.end('SSH-2.0-OpenSSH_9.6\r\n');
    await using server = await scriptServer([garbage]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.version({ signal }));
    expect(error).toMatchObject({ code: 'kube_protocol', retryable: false });
    expect(server.requests).toHaveLength(1);
  });
});

describe('an abort', () => {
  it('before the call sends nothing', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal: AbortSignal.abort() }));
    expect(error.code).toBe('aborted');
    expect(server.requests).toHaveLength(0);
  });

  it.each<[string, Step]>([
    ['while the answer is waited for', silence],
    ['within the answer', slowBody],
    ['between two tries', reset],
    ['while a refusal is read', (_request, response) => void response.writeHead(500).write('{')],
  ])('%s ends the call', async (_name, step) => {
    await using server = await scriptServer([step]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const stop = new AbortController();
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal: stop.signal }));
    await server.came(1);
    stop.abort(new Error('not needed any more'));
    const error = await got;
    expect(error.code).toBe('aborted');
    expect(error).toEqual(abortError(stop.signal));
    expect(clock.pendingTimers).toBe(0);
    expect(server.requests).toHaveLength(1);
  });

  it('while credentials are waited for ends the call', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock(), {
      identity: { authorization: () => new Promise(() => undefined) },
    });
    const stop = new AbortController();
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal: stop.signal }));
    stop.abort();
    expect((await got).code).toBe('aborted');
  });

  it('of one call leaves the others alone, and no listener behind', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock());
    const stop = new AbortController();
    for (let i = 0; i < 5; i += 1) await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal: stop.signal });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    stop.abort();
    expect(await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal })).toEqual(OBJECT);
  });
});

describe('closing', () => {
  it('ends what is under way, and everything after it', async () => {
    await using server = await scriptServer([silence]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await server.came(1);
    await client.api.close();
    await client.api.close();
    expect(await got).toMatchObject({ code: 'kube_unreachable', message: expect.stringContaining('closed') as string });
    const later = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    expect(later.message).toContain('the client is closed');
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends a wait between two tries', async () => {
    await using server = await scriptServer([refusal(500, 'InternalError', 'etcd is away')]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await server.came(1);
    while (client.calls.length < 1) await new Promise((resolve) => setImmediate(resolve));
    await client.api.close();
    expect((await got).message).toContain('the client is closed');
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves no connection', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    await using client = scriptClient(server, testClock());
    await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    expect(server.open.size).toBe(1);
    const closed = new Promise((resolve) => [...server.open][0]?.once('close', resolve));
    await client.api.close();
    await closed;
    expect(server.open.size).toBe(0);
  });
});
