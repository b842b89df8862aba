import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom } from '@runner/core';
import { createService } from '@runner/example-embedded-bridge';
import type { WireObservation } from '@runner/protocol';
import type { AgentConnection, AgentHandlers } from '@runner/protocol/client';
import { connect } from '@runner/protocol/client';
import type { RunRecord } from '@runner/protocol/server';
import { dialWebSocket } from '@runner/protocol/ws';
import { describe, expect, it } from 'vitest';

const TOKEN = 'a-token-for-this-test-only';
const RUN = '6f1c2b9e-3a4d-4e5f-8a6b-7c8d9e0f1a2b';
const run = {
  runId: RUN,
  kind: 'pipeline',
  pipelineType: 'metadata',
  name: 'shop',
  fqn: 'shop.shop',
  config: {},
  deadlineSeconds: 600,
};

/** The service on a free port, and a way to talk to it. */
async function started() {
  const service = createService({ token: TOKEN, controlPlaneId: '2f6d7c1e-90ab-4cde-8f01-23456789abcd' });
  service.server.listen(0, '127.0.0.1');
  await once(service.server, 'listening');
  const { port } = service.server.address() as AddressInfo;
  const call = (path: string, init: RequestInit = {}, token = TOKEN): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });
  return {
    ...service,
    port,
    call,
    row: async () => (await (await call(`/runs/${RUN}`)).json()) as RunRecord,
    submit: () => call('/agents/laptop/runs', { method: 'POST', body: JSON.stringify(run) }),
    [Symbol.asyncDispose]: async () => {
      await service.bridge.close(AbortSignal.timeout(5_000));
      service.server.closeAllConnections();
      service.server.close();
    },
  };
}

/** A small agent over the real client half. Its workloads exist in words only. */
function agent(port: number, token = TOKEN) {
  const phases = new Map<string, 'running' | 'ended'>();
  const observe = (runId: string): WireObservation => {
    const phase = phases.get(runId);
    const observedAt = Date.now();
    if (phase === undefined) return { presence: 'absent', runId, observedAt };
    const outcome = phase === 'ended' ? { outcome: { result: 'succeeded' as const, exitCode: 0 } } : {};
    const workload = { kind: 'words', name: runId, uid: runId };
    return { presence: 'present', runId, observedAt, workload, phase, pipelineType: 'metadata', ...outcome };
  };
  const troubles: (string | number)[] = [];
  const handlers: AgentHandlers = {
    session: () => undefined,
    disconnected: (end) => troubles.push(end.error?.code ?? end.code),
    start: ({ runId }) => {
      phases.set(runId, 'running');
      connection.link.accepted(runId, true, observe(runId));
    },
    cancel: (runId) => {
      phases.set(runId, 'ended');
      connection.link.observed(observe(runId));
    },
    level: ({ levelId, runs }) =>
      connection.link.report(
        levelId,
        runs.map(({ runId }) => observe(runId)),
      ),
    endingAcknowledged: () => undefined,
    recorded: () => undefined,
    discard: () => undefined,
    logStream: (stream) => {
      void stream.chunk({ rawFrom: 0, rawTo: 6, data: 'hello\n' }).then(() => stream.end(6, 'complete'));
    },
  };
  const connection: AgentConnection = connect({
    dial: dialWebSocket({ url: `ws://127.0.0.1:${port}`, token: () => token }),
    hello: () => ({
      agentId: 'laptop',
      instanceId: '0b6f1a52-5b0e-4c9e-9a3e-6f0d2c1b7a88',
      scope: { id: 'here', description: 'this test' },
      agentVersion: '0.0.0',
      executor: 'words',
      secretsManager: 'none',
      capabilities: [],
      slots: { total: 2, free: 2, types: {} },
    }),
    handlers,
    clock: systemClock({ keepAlive: true }),
    random: systemRandom(),
    reconnectFloorMs: 50,
    reconnectCapMs: 100,
  });
  return {
    troubles,
    finish: (runId: string) => {
      phases.set(runId, 'ended');
      connection.link.observed(observe(runId));
    },
    [Symbol.asyncDispose]: () => connection.close(AbortSignal.timeout(2_000)),
  };
}

/** Waits until a look finds what it wants. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  const late = AbortSignal.timeout(20_000);
  const clock = systemClock({ keepAlive: true });
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(10, late);
  }
}

const rowIn = (service: Awaited<ReturnType<typeof started>>, state: string) =>
  until(async () => {
    const row = await service.row();
    return row.state === state ? row : undefined;
  });

describe('a service that embeds the bridge', () => {
  it('hands a run to an agent, shows its log, and learns its outcome', async () => {
    await using service = await started();
    await using laptop = agent(service.port);
    expect((await service.submit()).status).toBe(201);
    await rowIn(service, 'running');
    expect(await (await service.call(`/runs/${RUN}/log`)).text()).toBe('hello\n');
    laptop.finish(RUN);
    const row = await rowIn(service, 'succeeded');
    expect(row.outcome).toEqual({ result: 'succeeded', exitCode: 0 });
    expect(laptop.troubles).toEqual([]);
  });

  it('keeps a run for an agent that is away', async () => {
    await using service = await started();
    expect((await service.submit()).status).toBe(201);
    expect((await service.row()).state).toBe('queued');
    await using laptop = agent(service.port);
    await rowIn(service, 'running');
    expect(laptop.troubles).toEqual([]);
  });

  it('ends a run that is cancelled', async () => {
    await using service = await started();
    await using laptop = agent(service.port);
    await service.submit();
    await rowIn(service, 'running');
    expect((await service.call(`/runs/${RUN}`, { method: 'DELETE' })).status).toBe(202);
    // The words of this agent complete when they are told to stop, and so the run keeps that outcome.
    await rowIn(service, 'succeeded');
    expect(laptop.troubles).toEqual([]);
  });

  it('refuses a run that exists already, a body that is none, and a caller without the token', async () => {
    await using service = await started();
    await service.submit();
    expect((await service.submit()).status).toBe(409);
    expect((await service.call('/agents/laptop/runs', { method: 'POST', body: '{' })).status).toBe(400);
    expect((await service.call(`/runs/${RUN}`, {}, 'wrong')).status).toBe(401);
    expect((await service.call('/runs/nothing')).status).toBe(404);
  });

  it('refuses an agent with another token, in words', async () => {
    await using service = await started();
    await using stranger = agent(service.port, 'wrong');
    await until(() => Promise.resolve(stranger.troubles[0]));
    expect(stranger.troubles[0]).toBe('connect_unauthorized');
    expect(service.bridge.connected()).toEqual([]);
  });
});
