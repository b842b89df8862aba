import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startAgent } from '../agent-process.ts';
import type { AgentProcess } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import type { TestControlPlane } from '../control-plane.ts';
import { temporaryFolder } from '../folder.ts';
import { testCollector } from '../otlp-collector.ts';
import { testServer } from '../servers.ts';
import { testToken } from '../tokens.ts';

const RUN = '11111111-2222-4333-8444-555555555555';
const REFUSED = '11111111-2222-4333-8444-666666666666';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${PARENT}-01`;

const ended = (row: { readonly endedAt?: number }): boolean => row.endedAt !== undefined;

/** An agent with the local executor, whose program prints its trace context. */
function agentOf(controlPlane: TestControlPlane, folder: string, env: Record<string, string> = {}): AgentProcess {
  return startAgent({
    env: {
      AGENT_ID,
      AUTH_TOKEN: testToken({ sub: 'ingestion-bot' }),
      SERVER_URL: controlPlane.url,
      EXECUTOR_TYPE: 'local',
      LOCAL_EXECUTOR_DIR: join(folder, 'runs'),
      INGESTION_COMMAND: JSON.stringify([process.execPath, '--eval', 'console.log(process.env.TRACEPARENT)']),
      ...env,
    },
  });
}

describe('the trace of a run', () => {
  it('reaches its workload, and every line of the log about it says it', async () => {
    await using controlPlane = await testControlPlane();
    using folder = temporaryFolder();
    await using agent = agentOf(controlPlane, folder.path);
    await controlPlane.untilActive();
    controlPlane.submit({ runId: RUN, traceparent });
    await controlPlane.until('the outcome', RUN, ended);
    expect(await controlPlane.log(RUN)).toBe(`${traceparent}\n`);
    const connection = { type: 'Postgres', value: { authType: { password: 'not-a-real-value' } } };
    controlPlane.submit({ runId: REFUSED, traceparent, connection });
    await controlPlane.until('the refusal', REFUSED, ended);
    const about = { pipeline: 'shop.nightly', traceId: TRACE };
    expect(await agent.line('a run has its workload')).toMatchObject({ level: 'info', runId: RUN, ...about });
    expect(await agent.line('a run is over')).toMatchObject({
      level: 'info',
      runId: RUN,
      result: 'succeeded',
      ...about,
    });
    expect(await agent.line('a run is refused')).toMatchObject({ level: 'warn', runId: REFUSED, ...about });
  });
});

const HEADER = 'not-a-real-key';

describe('the export of spans', () => {
  it('gives the collector one span a run, in the trace of whoever asked, and nothing of what it was given', async () => {
    await using controlPlane = await testControlPlane();
    await using collector = await testCollector();
    using folder = temporaryFolder();
    await using agent = agentOf(controlPlane, folder.path, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${HEADER}`,
    });
    await controlPlane.untilActive();
    const config = { note: 'of-the-config' };
    const connection = { type: 'Postgres', value: { hostPort: 'of-the-connection' } };
    controlPlane.submit({ runId: RUN, traceparent, config, connection });
    await controlPlane.until('the outcome', RUN, ended);
    await agent.line('a run is over');
    agent.kill('SIGTERM');
    expect(await agent.exit).toMatchObject({ code: 0 });
    expect(await collector.untilSpan()).toEqual({
      traceId: TRACE,
      spanId: expect.stringMatching(/^(?!0{16})[\da-f]{16}$/) as string,
      parentSpanId: PARENT,
      name: 'run metadata',
      attributes: {
        'runner.run.id': RUN,
        'runner.pipeline': 'shop.nightly',
        'runner.pipeline.type': 'metadata',
        'runner.name': AGENT_ID,
        'runner.executor': 'local',
        'runner.run.result': 'succeeded',
      },
      events: ['accepted', 'started'],
    });
    expect(collector.spans).toHaveLength(1);
    expect(collector.requests).toMatchObject([{ path: '/v1/traces', headers: { 'x-key': HEADER } }]);
    expect(collector.text()).not.toMatch(/of-the-con|ingestion-bot/);
    expect(agent.output).not.toContain(HEADER);
  });

  it('sends nothing without an endpoint for traces', async () => {
    await using controlPlane = await testControlPlane();
    await using collector = await testCollector();
    using folder = temporaryFolder();
    await using agent = agentOf(controlPlane, folder.path, {
      OTEL_EXPORTER_OTLP_ENDPOINT: '',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: collector.url,
      OTEL_TRACES_EXPORTER: 'otlp',
    });
    await controlPlane.untilActive();
    controlPlane.submit({ runId: RUN, traceparent });
    await controlPlane.until('the outcome', RUN, ended);
    agent.kill('SIGTERM');
    expect(await agent.exit).toMatchObject({ code: 0 });
    expect(collector.requests).toEqual([]);
  });

  it.each(['refuses', 'never answers'])('fails and delays nothing while the collector %s', async (how) => {
    await using controlPlane = await testControlPlane();
    await using silent = await testServer(undefined, () => undefined);
    using folder = temporaryFolder();
    await using agent = agentOf(controlPlane, folder.path, {
      OTEL_EXPORTER_OTLP_ENDPOINT: how === 'refuses' ? 'http://127.0.0.1:1' : silent.url,
    });
    await controlPlane.untilActive();
    controlPlane.submit({ runId: RUN, traceparent });
    expect(await controlPlane.until('the outcome', RUN, ended)).toMatchObject({ state: 'succeeded' });
    const asked = Date.now();
    agent.kill('SIGTERM');
    expect(await agent.exit).toMatchObject({ code: 0 });
    // Two seconds for the collector at most, of the 25 there are.
    expect(Date.now() - asked).toBeLessThan(8_000);
  });
});
