import { testClock } from '@runner/core/testing';
import { METRICS, createAgentMetrics } from '@runner/metrics';
import type { AgentMetricsOptions } from '@runner/metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const still = { cpuUsage: () => ({ user: 0, system: 0 }), memoryUsage: () => ({ heapUsed: 0 }) };

function metrics(options: Partial<AgentMetricsOptions> = {}) {
  const clock = testClock();
  const agent = createAgentMetrics({ clock, process: still, ...options });
  const samples = async (): Promise<Map<string, number>> => parse(await agent.render());
  const value = async (sample: string): Promise<number | undefined> =>
    (await samples()).get(`collate_hybrid_agent_${sample}`);
  return { clock, ...agent, samples, value };
}

function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('the documented names', () => {
  it.each([
    'connected',
    'jobs_counter_total',
    'jobs_total{status="succeeded"}',
    'memory_usage',
    'cpu_usage',
    'server_response_time_seconds_max',
    'server_response_time_seconds_count',
    'server_response_time_seconds_sum',
    'argo_response_time_seconds_max',
    'argo_response_time_seconds_count',
    'argo_response_time_seconds_sum',
    'executor_response_time_seconds_max',
    'executor_response_time_seconds_count',
    'executor_response_time_seconds_sum',
  ])('have a sample of %s from the first scrape on', async (name) => {
    expect(await metrics().value(name)).toBeTypeOf('number');
  });

  it('are of the promised types', async () => {
    const text = await metrics().render();
    for (const [name, type] of [
      ['connected', 'gauge'],
      ['jobs_counter_total', 'counter'],
      ['jobs_total', 'counter'],
      ['memory_usage', 'gauge'],
      ['cpu_usage', 'gauge'],
      ['server_response_time_seconds', 'summary'],
      ['server_response_time_seconds_max', 'gauge'],
      ['executor_response_time_seconds', 'summary'],
      ['argo_response_time_seconds_max', 'gauge'],
    ] as const) {
      expect(text).toContain(`# TYPE collate_hybrid_agent_${name} ${type}\n`);
    }
  });
});

describe('the catalogue', () => {
  it('is what the registry serves, with type and help', async () => {
    const text = await metrics().render();
    const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(served.sort()).toEqual(METRICS.map(({ name, type }) => `${name} ${type}`).sort());
    for (const { name, help } of METRICS) expect(text).toContain(`# HELP ${name} ${help}\n`);
  });

  it('follows the naming rules of Prometheus', () => {
    for (const { name, type } of METRICS) {
      expect(name).toMatch(/^collate_hybrid_agent_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
    }
    expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
  });
});

describe('connected', () => {
  it('is 1 in a session of any role and 0 at once when it ends', async () => {
    const m = metrics();
    expect(await m.value('connected')).toBe(0);
    m.client.connected('standby');
    expect(await m.value('connected')).toBe(1);
    m.client.disconnected(1006);
    expect(await m.value('connected')).toBe(0);
  });

  it('is 0 one heartbeat after the server was last heard, although nobody has closed the socket', async () => {
    const m = metrics({ sources: { heartbeatMs: () => 10_000 } });
    m.client.connected('active');
    await m.clock.advance(9_000);
    m.client.frameReceived('pong', 20);
    await m.clock.advance(12_000);
    expect(await m.value('connected')).toBe(1);
    await m.clock.advance(1_001);
    expect(await m.value('connected')).toBe(0);
    m.client.frameReceived('ping', 20);
    expect(await m.value('connected')).toBe(1);
  });

  it('is not moved by a step of the wall clock', async () => {
    const m = metrics();
    m.client.connected('active');
    m.clock.stepWall(3_600_000);
    expect(await m.value('connected')).toBe(1);
  });
});

describe('the session', () => {
  it('shows its role and counts sessions after the first, not changes of role', async () => {
    const m = metrics();
    m.client.connecting();
    m.client.connected('standby');
    m.client.connected('active');
    expect(await m.value('session_role{role="active"}')).toBe(1);
    expect(await m.value('session_role{role="standby"}')).toBe(0);
    expect(await m.value('reconnects_total')).toBe(0);
    m.client.disconnected(4408);
    m.client.connecting();
    m.client.connected('active');
    expect(await m.value('reconnects_total')).toBe(1);
    expect(await m.value('connection_attempts_total')).toBe(2);
    expect(await m.value('disconnects_total{code="4408"}')).toBe(1);
  });

  it('counts attempts that opened no socket by what was in the way, from 0 on', async () => {
    const m = metrics();
    expect(await m.value('connection_failures_total{code="connect_unauthorized"}')).toBe(0);
    m.client.failed('connect_unauthorized');
    m.client.failed('token_expired');
    expect(await m.value('connection_failures_total{code="connect_unauthorized"}')).toBe(1);
    expect(await m.value('connection_failures_total{code="token_expired"}')).toBe(1);
    expect(await m.value('connection_failures_total{code="other"}')).toBe(0);
    expect(await m.value('disconnects_total{code="1006"}')).toBe(0);
  });

  it('measures frames by direction and round trips as answers of the server, with REST calls', async () => {
    const m = metrics();
    m.client.frameSent('pong', 300);
    m.client.frameReceived('start', 20_000);
    m.client.roundTrip(0.5);
    m.serverCall(1.5);
    const samples = await m.samples();
    const of = (name: string) => samples.get(`collate_hybrid_agent_${name}`);
    expect(of('frame_size_bytes_sum{direction="sent"}')).toBe(300);
    expect(of('frame_size_bytes_bucket{le="16384",direction="received"}')).toBe(0);
    expect(of('frame_size_bytes_bucket{le="65536",direction="received"}')).toBe(1);
    expect(of('server_response_time_seconds_sum')).toBe(2);
    expect(of('server_response_time_seconds_count')).toBe(2);
    expect(of('server_response_time_seconds_max')).toBe(1.5);
  });
});

describe('runs', () => {
  it('are counted when created, adopted and ended, and measured stage by stage', async () => {
    const m = metrics();
    m.dispatch.accepted({ seconds: 0.2, created: true });
    m.dispatch.accepted({ seconds: 0.1, created: false });
    m.dispatch.started({ seconds: 7 });
    m.dispatch.finished({ seconds: 90, result: 'failed' });
    m.dispatch.finished({ result: 'succeeded' });
    m.dispatch.reported({ seconds: 0.01 });
    m.dispatch.cancelled('r1');
    m.dispatch.ending('start_deadline');
    const samples = await m.samples();
    const of = (name: string) => samples.get(`collate_hybrid_agent_${name}`);
    expect(of('jobs_counter_total')).toBe(1);
    expect(of('runs_adopted_total')).toBe(1);
    expect(of('jobs_total{status="failed"}')).toBe(1);
    expect(of('jobs_total{status="succeeded"}')).toBe(1);
    expect(of('run_accept_seconds_count')).toBe(2);
    expect(of('run_start_seconds_sum')).toBe(7);
    expect(of('run_duration_seconds_count')).toBe(1);
    expect(of('run_duration_seconds_sum')).toBe(90);
    expect(of('run_report_seconds_count')).toBe(1);
    expect(of('cancels_total')).toBe(1);
    expect(of('endings_total{reason="start_deadline"}')).toBe(1);
  });

  it('give the same response times under the old and the new name', async () => {
    const m = metrics();
    m.dispatch.executorCall('submit', 0.25, true);
    m.dispatch.executorCall('list', 2, false);
    for (const name of ['argo', 'executor']) {
      expect(await m.value(`${name}_response_time_seconds_count`)).toBe(2);
      expect(await m.value(`${name}_response_time_seconds_sum`)).toBe(2.25);
      expect(await m.value(`${name}_response_time_seconds_max`)).toBe(2);
    }
  });

  it('forget the longest response after two minutes, and nothing else', async () => {
    const m = metrics();
    m.dispatch.executorCall('submit', 9, true);
    await m.clock.advance(90_000);
    m.dispatch.executorCall('submit', 1, true);
    expect(await m.value('executor_response_time_seconds_max')).toBe(9);
    await m.clock.advance(40_000);
    expect(await m.value('executor_response_time_seconds_max')).toBe(1);
    await m.clock.advance(120_000);
    expect(await m.value('executor_response_time_seconds_max')).toBe(0);
    expect(await m.value('executor_response_time_seconds_count')).toBe(2);
  });
});

describe('labels', () => {
  it('stay few whatever codes, reasons and events come', async () => {
    const m = metrics({ codes: ['size_of_the_moon'] });
    const before = (await m.samples()).size;
    fc.assert(
      fc.property(fc.string(), fc.integer(), (text, code) => {
        m.dispatch.refused(text);
        m.dispatch.waiting(text);
        m.dispatch.impossible(text);
        m.client.disconnected(code);
        m.client.failed(text);
        m.client.ignored(text);
      }),
    );
    expect((await m.samples()).size).toBe(before);
    expect(await m.value('refusals_total{code="other"}')).toBeGreaterThan(50);
  });

  it('are those of known codes and of the codes that were given', async () => {
    const m = metrics({ codes: ['size_of_the_moon'] });
    m.dispatch.refused('size_of_the_moon');
    m.dispatch.refused('config_too_large');
    m.dispatch.waiting('no_slot');
    m.dispatch.impossible('task_failed');
    m.client.ignored('stale_epoch');
    expect(await m.value('refusals_total{code="size_of_the_moon"}')).toBe(1);
    expect(await m.value('refusals_total{code="config_too_large"}')).toBe(1);
    expect(await m.value('waits_total{code="no_slot"}')).toBe(1);
    expect(await m.value('impossible_events_total{event="task_failed"}')).toBe(1);
    expect(await m.value('frames_ignored_total{reason="stale_epoch"}')).toBe(1);
    expect(await m.value('refusals_total{code="other"}')).toBe(0);
  });
});

describe('what is asked at each scrape', () => {
  it('are the runs that wait, by category, and 0 where nothing waits any more', async () => {
    let pending: Record<string, { runs: number; longestSeconds: number }> = {
      scheduling: { runs: 2, longestSeconds: 90 },
      none: { runs: 1, longestSeconds: 3 },
      telepathy: { runs: 1, longestSeconds: 7 },
    };
    const m = metrics({ sources: { pending: () => pending } });
    expect(await m.value('runs_pending{category="scheduling"}')).toBe(2);
    expect(await m.value('run_pending_seconds_max{category="scheduling"}')).toBe(90);
    expect(await m.value('runs_pending{category="none"}')).toBe(1);
    expect(await m.value('runs_pending{category="other"}')).toBe(1);
    pending = {};
    expect(await m.value('runs_pending{category="scheduling"}')).toBe(0);
    expect(await m.value('run_pending_seconds_max{category="scheduling"}')).toBe(0);
  });

  it('are the age of what the watch shows, and nothing while nothing is watched', async () => {
    const idle = metrics({ sources: { watchFreshAt: () => undefined } });
    expect(await idle.value('watch_age_seconds')).toBeUndefined();
    const begun = idle.clock.now();
    const busy = metrics({ sources: { watchFreshAt: () => begun } });
    await busy.clock.advance(42_000);
    expect(await busy.value('watch_age_seconds')).toBe(42);
    const ahead = metrics({ sources: { watchFreshAt: () => begun + 60_000 } });
    expect(await ahead.value('watch_age_seconds')).toBe(0);
  });

  it('are the answers that asked for fewer calls', async () => {
    const m = metrics();
    expect(await m.value('api_throttled_total')).toBe(0);
    m.throttled();
    expect(await m.value('api_throttled_total')).toBe(1);
  });

  it('are the slots, in all and by type', async () => {
    let free = 3;
    const slots = () => ({ total: 4, free, types: { profiler: { total: 2, free: 1 } } });
    const m = metrics({ sources: { slots } });
    expect(await m.value('slots{pipeline_type="all"}')).toBe(4);
    expect(await m.value('slots_free{pipeline_type="all"}')).toBe(3);
    expect(await m.value('slots{pipeline_type="profiler"}')).toBe(2);
    free = 0;
    expect(await m.value('slots_free{pipeline_type="all"}')).toBe(0);
    expect(await m.value('slots_free{pipeline_type="profiler"}')).toBe(1);
  });

  it('is when the token expires, with no sample when it does not', async () => {
    let expiresAt: number | undefined;
    const m = metrics({ sources: { tokenExpiresAt: () => expiresAt } });
    expect(await m.value('token_expiry_timestamp_seconds')).toBeUndefined();
    expiresAt = 1_800_000_000_500;
    expect(await m.value('token_expiry_timestamp_seconds')).toBe(1_800_000_000.5);
    expiresAt = undefined;
    expect(await m.value('token_expiry_timestamp_seconds')).toBeUndefined();
  });

  it('the expiry of the pull secret is told while it is known', async () => {
    let expiresAt: number | undefined;
    const m = metrics({ sources: { pullSecretExpiresAt: () => expiresAt } });
    expect(await m.value('pull_secret_expiry_timestamp_seconds')).toBeUndefined();
    expiresAt = 1_800_000_000_500;
    expect(await m.value('pull_secret_expiry_timestamp_seconds')).toBe(1_800_000_000.5);
    expiresAt = undefined;
    expect(await m.value('pull_secret_expiry_timestamp_seconds')).toBeUndefined();
  });

  it('are CPU, in percent of a core since the scrape before, and heap in MB', async () => {
    let user = 0;
    const process = {
      cpuUsage: () => ({ user, system: 500_000 }),
      memoryUsage: () => ({ heapUsed: 52_428_800 }),
    };
    const m = metrics({ process });
    await m.clock.advance(10_000);
    user = 2_500_000;
    expect(await m.value('cpu_usage')).toBe(25);
    expect(await m.value('memory_usage')).toBe(50);
    user = 9_000_000;
    expect(await m.value('cpu_usage')).toBe(25);
    await m.clock.advance(10_000);
    expect(await m.value('cpu_usage')).toBe(65);
  });

  it('is the lag of the event loop', async () => {
    expect(await metrics({ sources: { loopLagSeconds: () => 0.75 } }).value('event_loop_lag_seconds')).toBe(0.75);
  });
});

describe('two agents in one process', () => {
  it('do not see each other', async () => {
    const one = metrics();
    const two = metrics();
    one.dispatch.accepted({ seconds: 1, created: true });
    expect(await one.value('jobs_counter_total')).toBe(1);
    expect(await two.value('jobs_counter_total')).toBe(0);
  });
});
