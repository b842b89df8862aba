import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordingLogger, testClock } from '@runner/core/testing';
import { describe, expect, test } from 'vitest';
import { createRemoteStatuses } from '../../src/openmetadata/remote-statuses.ts';
import type { RemoteEnding } from '../../src/openmetadata/remote-statuses.ts';
import type { JsonObject } from '../../src/store/ports.ts';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const runId = '0d1b7c1e-0000-4000-8000-000000000001';

/** Another metadata server, as far as statuses go. */
async function otherServer(standing?: JsonObject) {
  const calls: { method: string; url: string; authorization: string | undefined; body: string }[] = [];
  const state: { status: number; standing: JsonObject | string | undefined; elsewhere: string } = {
    status: 200,
    standing,
    elsewhere: '',
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      calls.push({ method, url, authorization: headers.authorization, body });
      if (state.status === 302) response.writeHead(302, { location: state.elsewhere }).end();
      else if (state.status !== 200) response.writeHead(state.status).end('{"message":"no"}');
      else if (method === 'PUT') response.writeHead(201).end(body);
      else if (state.standing === undefined) response.writeHead(204).end();
      else response.end(typeof state.standing === 'string' ? state.standing : JSON.stringify(state.standing));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    calls,
    state,
    own: { hostPort: `http://127.0.0.1:${port}/api/`, jwtToken: 'theirs' },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ending: RemoteEnding = {
  fqn: 'shop.a/b',
  runId,
  ending: { runId, pipelineState: 'failed', startDate: 5, timestamp: 5, endDate: 9, status: [] },
};
const never = new AbortController().signal;
const remote = (clock = testClock(), logger = recordingLogger()) => createRemoteStatuses({ clock, logger });

describe('the server a pipeline reports to', () => {
  test('is told how the run ended, with its own start and its own token', async () => {
    await using server = await otherServer({ runId, pipelineState: 'running', startDate: 1, timestamp: 2, config: {} });
    expect(await remote().settle(server.own, ending, never)).toEqual({ kind: 'written' });
    const [get, put] = server.calls;
    const base = '/api/v1/services/ingestionPipelines/shop.a%2Fb/pipelineStatus';
    expect(get).toMatchObject({ method: 'GET', url: `${base}/${runId}`, authorization: 'Bearer theirs' });
    expect(put).toMatchObject({ method: 'PUT', url: base, authorization: 'Bearer theirs' });
    expect(JSON.parse(put?.body ?? '')).toEqual({
      runId,
      pipelineState: 'failed',
      startDate: 1,
      timestamp: 2,
      endDate: 9,
      config: {},
      status: [],
    });
  });

  test('is told where nothing stands yet, whether it says so with 204 or with an empty answer', async () => {
    for (const [status, standing] of [
      [200, undefined],
      [200, ''],
    ] as const) {
      await using server = await otherServer();
      server.state.status = status;
      server.state.standing = standing;
      expect(await remote().settle(server.own, ending, never)).toEqual({ kind: 'written' });
      expect(server.calls.at(-1)?.method).toBe('PUT');
    }
  });

  test.each(['success', 'failed', 'partialSuccess', 'stopped'])(
    'keeps the %s that the workload wrote there',
    async (pipelineState) => {
      const status = { runId, pipelineState, startDate: 1, endDate: 2 };
      await using server = await otherServer(status);
      expect(await remote().settle(server.own, ending, never)).toEqual({ kind: 'imported', status });
      expect(server.calls.map(({ method }) => method)).toEqual(['GET']);
    },
  );

  test('is asked again while it does not answer, not too often, and given up after an hour', async () => {
    await using server = await otherServer();
    const clock = testClock();
    const logger = recordingLogger();
    const statuses = remote(clock, logger);
    server.state.status = 500;
    expect(await statuses.settle(server.own, ending, never)).toEqual({ kind: 'later' });
    expect(await statuses.settle(server.own, ending, never)).toEqual({ kind: 'later' });
    expect(server.calls).toHaveLength(1);
    await clock.advance(15_000);
    server.state.standing = 'not JSON at all';
    server.state.status = 200;
    expect(await statuses.settle(server.own, ending, never)).toEqual({ kind: 'later' });
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    await clock.advance(3_600_000);
    server.state.status = 401;
    expect(await statuses.settle(server.own, ending, never)).toEqual({ kind: 'given_up' });
    expect(logger.records.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(logger.text()).not.toContain('theirs');
  });

  test('does not lead the token elsewhere', async () => {
    await using server = await otherServer();
    await using elsewhere = await otherServer({ runId, pipelineState: 'success' });
    server.state.status = 302;
    server.state.elsewhere = elsewhere.own.hostPort;
    expect(await remote().settle(server.own, ending, never)).toEqual({ kind: 'later' });
    expect(elsewhere.calls).toEqual([]);
  });

  test('is listened to no longer than we run', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const stopping = new AbortController();
    const asked = remote().settle({ hostPort: `http://127.0.0.1:${port}`, jwtToken: 'x' }, ending, stopping.signal);
    stopping.abort();
    expect(await asked).toEqual({ kind: 'later' });
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('a pipeline with a server of its own', () => {
  async function ended(server: Awaited<ReturnType<typeof otherServer>>) {
    const api = await testApi();
    const openMetadataServerConnection = {
      hostPort: server.own.hostPort,
      authProvider: 'openmetadata',
      securityConfig: { jwtToken: server.own.jwtToken },
    };
    const { pipeline, path } = await makeAll(api, { openMetadataServerConnection });
    const run = await triggerRun(api, pipeline.id);
    const start = await api.store.runBook.start(run);
    await runLife(api, run).accepted();
    await runLife(api, run).ended({ exitCode: 1 });
    return { api, path, runId: run, start, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() };
  }

  test('gives its workload that server’s token instead of ours', async () => {
    await using server = await otherServer();
    await using ending = await ended(server);
    expect(JSON.stringify(ending.start?.config)).toContain('"jwtToken":"theirs"');
  });

  test('has its ending written there and here', async () => {
    await using server = await otherServer();
    await using ending = await ended(server);
    await ending.api.endings.settle();
    expect(JSON.parse(server.calls.at(-1)?.body ?? '')).toMatchObject({ runId: ending.runId, pipelineState: 'failed' });
    expect((await ending.api.user.get(`${ending.path}/pipelineStatus/${ending.runId}`)).body).toMatchObject({
      pipelineState: 'failed',
    });
    expect(await ending.api.store.runs.unsettled(5)).toEqual([]);
  });

  test('has what its workload reported there taken over here', async () => {
    await using server = await otherServer();
    await using ending = await ended(server);
    server.state.standing = { runId: ending.runId, pipelineState: 'success', startDate: 3, timestamp: 3, endDate: 4 };
    await ending.api.endings.settle();
    await ending.api.endings.settle();
    expect(server.calls.every(({ method }) => method === 'GET')).toBe(true);
    expect((await ending.api.user.get(`runs/${ending.runId}`)).body).toMatchObject({
      state: 'succeeded',
      writtenBy: 'main',
    });
    expect((await ending.api.user.get(`${ending.path}/pipelineStatus/${ending.runId}`)).body).toMatchObject({
      pipelineState: 'success',
      startDate: 3,
    });
    expect(await ending.api.store.runs.unsettled(5)).toEqual([]);
  });

  test('waits for that server to come back, without asking all the time', async () => {
    await using server = await otherServer();
    await using ending = await ended(server);
    server.state.status = 503;
    for (let second = 0; second < 10; second += 1) {
      await ending.api.endings.settle();
      await ending.api.clock.advance(1_000);
    }
    expect(server.calls).toHaveLength(1);
    server.state.status = 200;
    await ending.api.clock.advance(10_000);
    await ending.api.endings.settle();
    expect(await ending.api.store.runs.unsettled(5)).toEqual([]);
  });
});
