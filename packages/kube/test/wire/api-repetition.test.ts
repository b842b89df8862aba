import { recordingLogger, rejection, testClock } from '@runner/core/testing';
import type { TestClock } from '@runner/core/testing';
import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, JOBS } from '../../src/objects.ts';
import { scriptClient } from '../support/script-client.ts';
import type { Step } from '../support/script-server.ts';
import { cutBody, html, json, refusal, reset, scriptServer, silence, slowBody } from '../support/script-server.ts';

const signal = new AbortController().signal;
const OBJECT = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', uid: 'u' }, data: {} };
const throttled = (retryAfter: string): Step =>
  refusal(429, 'TooManyRequests', 'slow down', { headers: { 'retry-after': retryAfter } });

/** Moves time on until the promise settles; gives how far. */
async function elapsed(clock: TestClock, promise: Promise<unknown>, stepMs: number): Promise<number> {
  const begun = clock.monotonic();
  const settled = promise.then(
    () => true,
    () => true,
  );
  // Sockets get their turns; time moves only while the client waits for it, beside the deadline of the call.
  const turn = (): Promise<boolean> => new Promise((resolve) => setImmediate(() => resolve(false)));
  while (!(await Promise.race([settled, turn()]))) if (clock.pendingTimers > 1) await clock.advance(stepMs);
  return clock.monotonic() - begun;
}

describe('a call that fails for now', () => {
  it('waits as long as Retry-After says, and then some by chance', async () => {
    await using server = await scriptServer([throttled('3'), json(200, OBJECT)]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const got = client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    const waited = await elapsed(clock, got, 100);
    expect(await got).toEqual(OBJECT);
    expect(waited).toBeGreaterThanOrEqual(3000);
    expect(waited).toBeLessThan(3600);
    expect(client.calls.map((call) => call.status)).toEqual([429, 200]);
  });

  it('understands a Retry-After that is a date', async () => {
    const clock = testClock();
    await using server = await scriptServer([throttled(new Date(clock.now() + 5000).toUTCString()), json(200, OBJECT)]);
    await using client = scriptClient(server, clock);
    const waited = await elapsed(clock, client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }), 100);
    expect(waited).toBeGreaterThanOrEqual(5000);
    expect(waited).toBeLessThan(5700);
  });

  it('fails at once when Retry-After reaches beyond its deadline', async () => {
    await using server = await scriptServer([throttled('31')]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    expect(error).toMatchObject({
      code: 'kube_throttled',
      retryable: true,
      details: { status: 429, retryAfterSeconds: 31, verb: 'get', resource: 'configmaps', name: 'one' },
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, Step]>([
    ['500', refusal(500, 'InternalError', 'etcd is away')],
    ['503 of a proxy', html(503)],
    ['504', refusal(504, 'Timeout', 'too slow')],
    ['a connection cut before the answer', reset],
    ['a connection cut within the answer', cutBody],
  ])('is repeated after %s', async (_name, step) => {
    await using server = await scriptServer([step, step, json(200, OBJECT)]);
    const clock = testClock();
    const logger = recordingLogger();
    await using client = scriptClient(server, clock, { logger });
    const got = client.api.get(CONFIG_MAPS, 'runs', 'one', { signal });
    const waited = await elapsed(clock, got, 20);
    expect(await got).toEqual(OBJECT);
    // Two delays with full jitter: of 200 to 400 and 200 to 800 ms.
    expect(waited).toBeGreaterThanOrEqual(400);
    expect(waited).toBeLessThanOrEqual(1300);
    expect(logger.records.map((record) => record.message)).toEqual(Array(2).fill('call to the API server is repeated'));
  });

  it('tells the failure when there is no time left for another try', async () => {
    await using server = await scriptServer([refusal(500, 'InternalError', 'etcd is away')]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    const waited = await elapsed(clock, got, 100);
    expect(await got).toMatchObject({ code: 'kube_server_error', details: { status: 500 } });
    expect((await got).message).toBe('get configmaps "one" in namespace "runs": etcd is away');
    expect(waited).toBeLessThanOrEqual(30_000);
    expect(waited).toBeGreaterThan(20_000);
    expect(server.requests.length).toBeLessThan(25);
  });

  it('tells that nobody answers, and where', async () => {
    let url: string;
    {
      await using server = await scriptServer([silence]);
      ({ url } = server);
    }
    await using server = await scriptServer([silence]);
    const place = { server: url, clusterId: 'c', namespace: undefined };
    await using client = scriptClient(server, testClock(), { identity: { place }, callTimeoutMs: 100 });
    const error = await rejection(client.api.version({ signal }));
    expect(error).toMatchObject({ code: 'kube_unreachable', retryable: true });
    expect(error.message).toContain(url);
    expect(error.hint).toContain('Nothing listens there');
  });

  it.each([refusal(422, 'Invalid', 'no'), refusal(400, 'BadRequest', 'no'), html(403), html(302), html(200)])(
    'is not repeated when it cannot end differently (%#)',
    async (step) => {
      await using server = await scriptServer([step]);
      await using client = scriptClient(server, testClock());
      const error = await rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
      expect(error.retryable).toBe(false);
      expect(server.requests).toHaveLength(1);
    },
  );
});

describe('a deadline', () => {
  it.each<[string, Step]>([
    ['a server that never answers', silence],
    ['an answer that stops in the middle', slowBody],
  ])('ends %s', async (_name, step) => {
    await using server = await scriptServer([step]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await server.came(1);
    await clock.advance(29_999);
    expect(client.calls).toEqual([]);
    await clock.advance(1);
    expect(await got).toMatchObject({ code: 'kube_timeout', retryable: true, details: { name: 'one' } });
    expect(clock.pendingTimers).toBe(0);
  });

  it('names what failed before it', async () => {
    await using server = await scriptServer([refusal(500, 'InternalError', 'etcd is away'), silence]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await elapsed(clock, server.came(2), 50);
    await clock.advance(30_000);
    expect((await got).code).toBe('kube_timeout');
    expect((await got).cause).toMatchObject({ code: 'kube_server_error' });
  });

  it('counts the wait for credentials', async () => {
    await using server = await scriptServer([json(200, OBJECT)]);
    const clock = testClock();
    const authorization = (): Promise<string> => new Promise(() => undefined);
    await using client = scriptClient(server, clock, { identity: { authorization } });
    const got = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await clock.advance(30_000);
    expect((await got).code).toBe('kube_timeout');
    expect(server.requests).toHaveLength(0);
  });

  it('counts the wait for a free connection', async () => {
    await using server = await scriptServer([silence]);
    const clock = testClock();
    await using client = scriptClient(server, clock, { mostCalls: 1 });
    const first = rejection(client.api.get(CONFIG_MAPS, 'runs', 'one', { signal }));
    await server.came(1);
    const second = rejection(client.api.get(CONFIG_MAPS, 'runs', 'two', { signal }));
    await clock.advance(30_000);
    expect([(await first).code, (await second).code]).toEqual(['kube_timeout', 'kube_timeout']);
    server.script(json(200, OBJECT));
    expect(await client.api.get(CONFIG_MAPS, 'runs', 'one', { signal })).toEqual(OBJECT);
  });
});

describe('a create', () => {
  const JOB = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'run-1' } };
  const exists = refusal(409, 'AlreadyExists', 'jobs.batch "run-1" already exists', {
    details: { name: 'run-1', group: 'batch', kind: 'jobs' },
  });
  const none = refusal(404, 'NotFound', 'jobs.batch "run-1" not found', {
    details: { name: 'run-1', group: 'batch', kind: 'jobs' },
  });

  it('whose answer was lost finds what it made, and does not claim it', async () => {
    await using server = await scriptServer([reset, exists, json(200, { ...JOB, spec: {} })]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const result = client.api.create(JOBS, 'runs', JOB, { signal });
    await elapsed(clock, result, 50);
    expect(await result).toEqual({ object: { ...JOB, spec: {} }, created: false });
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /apis/batch/v1/namespaces/runs/jobs',
      'POST /apis/batch/v1/namespaces/runs/jobs',
      'GET /apis/batch/v1/namespaces/runs/jobs/run-1',
    ]);
  });

  it('is repeated when the object that stood in its way is gone', async () => {
    await using server = await scriptServer([exists, none, json(201, JOB)]);
    await using client = scriptClient(server, testClock());
    expect(await client.api.create(JOBS, 'runs', JOB, { signal })).toEqual({ object: JOB, created: true });
  });

  it('gives up on an object that is there and is not', async () => {
    await using server = await scriptServer([exists, none, exists, none, exists, none, exists, none, silence]);
    await using client = scriptClient(server, testClock());
    const error = await rejection(client.api.create(JOBS, 'runs', JOB, { signal }));
    expect(error).toMatchObject({ code: 'kube_conflict', details: { reason: 'AlreadyExists' } });
  });

  it('is repeated when it lost the race for the quota', async () => {
    const race = refusal(
      409,
      'Conflict',
      'Operation cannot be fulfilled on resourcequotas "q": the object has been modified',
    );
    await using server = await scriptServer([race, json(201, JOB)]);
    const clock = testClock();
    await using client = scriptClient(server, clock);
    const result = client.api.create(JOBS, 'runs', JOB, { signal });
    await elapsed(clock, result, 50);
    expect(await result).toMatchObject({ created: true });
  });

  it('sends kind and version although the object does not say them', async () => {
    await using server = await scriptServer([json(201, JOB)]);
    await using client = scriptClient(server, testClock());
    await client.api.create(JOBS, 'runs', { metadata: { name: 'run-1' } }, { signal });
    expect(server.requests[0]).toMatchObject({ body: JOB, headers: { 'content-type': 'application/json' } });
  });

  it.each(['', '.', '..'])('of an object named "%s" is refused before it is sent', async (name) => {
    await using server = await scriptServer([json(200, {})]);
    await using client = scriptClient(server, testClock());
    const { api } = client;
    expect((await rejection(api.create(JOBS, 'runs', { metadata: { name } }, { signal }))).code).toBe('kube_invalid');
    expect((await rejection(api.delete(JOBS, 'runs', name, { signal }))).code).toBe('kube_invalid');
    expect((await rejection(api.get(JOBS, name, 'one', { signal }))).code).toBe('kube_invalid');
    expect(server.requests).toHaveLength(0);
  });
});

describe('a delete', () => {
  it('says what is to become of dependents, and of which object', async () => {
    await using server = await scriptServer([json(200, { kind: 'Status', status: 'Success' })]);
    await using client = scriptClient(server, testClock());
    await client.api.delete(JOBS, 'runs', 'one', { signal, uid: 'u-1', graceSeconds: 0 });
    expect(server.requests[0]).toMatchObject({
      method: 'DELETE',
      url: '/apis/batch/v1/namespaces/runs/jobs/one',
      body: { propagationPolicy: 'Foreground', gracePeriodSeconds: 0, preconditions: { uid: 'u-1' } },
    });
  });
});

describe('a list', () => {
  const page = (names: readonly string[], token?: string): Step =>
    json(200, {
      kind: 'ConfigMapList',
      metadata: { resourceVersion: '7', ...(token === undefined ? {} : { continue: token }) },
      items: names.map((name) => ({ metadata: { name } })),
    });
  const expired = refusal(410, 'Expired', 'The provided continue parameter is too old');

  it('begins again when a page token has expired, and gives nothing twice', async () => {
    await using server = await scriptServer([page(['a', 'b'], 't&1'), expired, page(['b', 'c'], 't2'), page(['d'])]);
    await using client = scriptClient(server, testClock());
    const options = {
      signal,
      pageSize: 2,
      labelSelector: 'a in (b,c)',
      keep: (one: { metadata?: { name?: string } }) => one.metadata?.name,
    };
    const list = await client.api.list(CONFIG_MAPS, 'runs', options);
    expect(list).toEqual({ items: ['b', 'c', 'd'], resourceVersion: '7' });
    expect(server.requests.map(({ url }) => new URL(url, server.url).searchParams.get('continue'))).toEqual([
      null,
      't&1',
      null,
      't2',
    ]);
    const first = new URL(server.requests[0]!.url, server.url).searchParams;
    expect(Object.fromEntries(first)).toEqual({ limit: '2', labelSelector: 'a in (b,c)' });
  });

  it('gives up when its page tokens expire again and again', async () => {
    await using server = await scriptServer(
      Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? page(['a'], 't') : expired)),
    );
    await using client = scriptClient(server, testClock());
    expect((await rejection(client.api.list(CONFIG_MAPS, 'runs', { signal }))).code).toBe('kube_expired');
    expect(server.requests).toHaveLength(8);
  });

  it('refuses an answer that is no list', async () => {
    await using server = await scriptServer([json(200, { kind: 'Surprise' })]);
    await using client = scriptClient(server, testClock());
    expect((await rejection(client.api.list(CONFIG_MAPS, 'runs', { signal }))).code).toBe('kube_protocol');
  });
});
