import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { recordingLogger, testClock } from '@runner/core/testing';
import type { HealthCheck } from '@runner/metrics';
import { createAgentMetrics, createHealthServer, createMetricsServer } from '@runner/metrics';
import { describe, expect, it } from 'vitest';

const host = '127.0.0.1';
const fine = (): readonly HealthCheck[] => [];

describe('the metrics endpoint', () => {
  const metrics = () => createAgentMetrics({ clock: testClock() });

  it('serves the metrics on its path with the content type of the format', async () => {
    await using server = createMetricsServer({ host, port: 0, metrics: metrics() });
    await server.start();
    const answer = await fetch(`http://${host}:${server.port}/metrics`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await answer.text()).toContain('collate_hybrid_agent_connected 0');
  });

  it('serves them on the path that was set, and nothing elsewhere', async () => {
    await using server = createMetricsServer({ host, port: 0, path: '/prom/agent', metrics: metrics() });
    await server.start();
    const get = async (path: string) => (await fetch(`http://${host}:${server.port}${path}`)).status;
    expect(await get('/prom/agent?x=1')).toBe(200);
    for (const path of ['/metrics', '/', '/prom/agent/', '/__proto__', '/constructor']) {
      expect(await get(path)).toBe(404);
    }
  });

  it.each(['metrics', '', '/a b', '/a?b', '/a#b'])('does not take "%s" for a path', (path) => {
    expect(() => createMetricsServer({ port: 0, path, metrics: metrics() })).toThrow(
      expect.objectContaining({ code: 'invalid_path' }),
    );
  });

  it('answers other methods with 405, and HEAD without a body', async () => {
    await using server = createMetricsServer({ host, port: 0, metrics: metrics() });
    await server.start();
    const url = `http://${host}:${server.port}/metrics`;
    const posted = await fetch(url, { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('answers 500 without details when the metrics cannot be read, and logs why', async () => {
    const logger = recordingLogger();
    const broken = { contentType: 'text/plain', render: () => Promise.reject(new Error('the cause')) };
    await using server = createMetricsServer({ host, port: 0, metrics: broken, logger });
    await server.start();
    const answer = await fetch(`http://${host}:${server.port}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([500, 'internal error\n']);
    expect(logger.text()).toContain('the cause');
  });

  it('says in a code that its port is used by another program', async () => {
    const other = createServer().listen(0, host);
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await using server = createMetricsServer({ host, port, metrics: metrics() });
    await expect(server.start()).rejects.toMatchObject({
      code: 'address_in_use',
      message: `metrics: port ${port} on ${host} is used by another program`,
      retryable: false,
    });
    other.close();
  });

  it('says in a code that an address cannot be listened on', async () => {
    await using server = createMetricsServer({ host: '192.0.2.1', port: 0, metrics: metrics() });
    await expect(server.start()).rejects.toMatchObject({ code: 'listen_failed' });
  });

  it('survives bytes that are no request', async () => {
    await using server = createMetricsServer({ host, port: 0, metrics: metrics() });
    await server.start();
    const socket = connect(server.port, host);
    socket.on('error', () => undefined);
    socket.end('\0\x01 not http\r\n\r\n');
    await once(socket, 'close');
    expect((await fetch(`http://${host}:${server.port}/metrics`)).status).toBe(200);
  });

  it('waits on stop for the scrape under way', async () => {
    let finish: ((text: string) => void) | undefined;
    let asked = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (asked = resolve));
    const slow = {
      contentType: 'text/plain',
      render: () =>
        new Promise<string>((resolve) => {
          finish = resolve;
          asked();
        }),
    };
    await using server = createMetricsServer({ host, port: 0, metrics: slow });
    await server.start();
    const scrape = fetch(`http://${host}:${server.port}/metrics`).then((answer) => answer.text());
    await arrived;
    const stopped = server.stop();
    finish?.('the numbers');
    expect(await scrape).toBe('the numbers');
    await stopped;
    await expect(fetch(`http://${host}:${server.port}/metrics`)).rejects.toThrow();
  });

  it('cuts off the scrape under way when stopping is aborted', async () => {
    let asked = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (asked = resolve));
    const stuck = {
      contentType: 'text/plain',
      render: () => {
        asked();
        return new Promise<string>(() => undefined);
      },
    };
    await using server = createMetricsServer({ host, port: 0, metrics: stuck });
    await server.start();
    const scrape = fetch(`http://${host}:${server.port}/metrics`).catch(() => 'cut off');
    await arrived;
    const hurry = new AbortController();
    const stopped = server.stop(hurry.signal);
    hurry.abort();
    await stopped;
    expect(await scrape).toBe('cut off');
  });

  it('can be stopped twice, and without having been started', async () => {
    const server = createMetricsServer({ host, port: 0, metrics: metrics() });
    expect(server.port).toBe(0);
    await server.stop();
    await server.stop();
  });
});

describe('the health endpoint', () => {
  async function ask(path: string, checks: () => readonly HealthCheck[]) {
    const which = path === '/healthz' ? { liveness: checks, readiness: fine } : { liveness: fine, readiness: checks };
    await using server = createHealthServer({ host, port: 0, ...which });
    await server.start();
    const answer = await fetch(`http://${host}:${server.port}${path}`);
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.json() };
  }

  it.each(['/healthz', '/readyz'])('answers %s with 200 and its checks when all is right', async (path) => {
    expect(await ask(path, () => [{ name: 'session', ok: true }])).toEqual({
      status: 200,
      type: 'application/json; charset=utf-8',
      body: { status: 'ok', checks: [{ name: 'session', ok: true }] },
    });
  });

  it.each(['/healthz', '/readyz'])('answers %s with 503 and the reason when a check fails', async (path) => {
    const checks = [
      { name: 'session', ok: false, reason: 'the server refuses the token' },
      { name: 'executor', ok: true },
    ];
    expect(await ask(path, () => checks)).toMatchObject({ status: 503, body: { status: 'unavailable', checks } });
  });

  it('keeps the two apart: not being ready does not make it dead', async () => {
    await using server = createHealthServer({
      host,
      port: 0,
      liveness: fine,
      readiness: () => [{ name: 'session', ok: false, reason: 'none yet' }],
    });
    await server.start();
    expect((await fetch(`http://${host}:${server.port}/healthz`)).status).toBe(200);
    expect((await fetch(`http://${host}:${server.port}/readyz`)).status).toBe(503);
  });

  it('counts a check that throws as one that failed', async () => {
    const answer = await ask('/readyz', () => {
      throw new Error('the executor is gone');
    });
    expect(answer).toMatchObject({
      status: 503,
      body: { checks: [{ name: 'checks', ok: false, reason: 'a check failed: the executor is gone' }] },
    });
  });
});
