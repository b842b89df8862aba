import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testRandom } from '@runner/core/testing';
import { traceIdOf, traceparentFor } from '../../src/openmetadata/trace-context.ts';
import { createScheduler } from '../../src/scheduler/index.ts';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const ASKED = { traceparent: `00-${TRACE}-${SPAN}-01` };
const TRIGGER = 'services/ingestionPipelines/trigger';
const VALID = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-0[01]$/;

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
    minLength: length,
    maxLength: length,
  });

async function traceparentOf(api: TestApi, runId: unknown): Promise<string> {
  return (await api.store.runBook.start(String(runId)))?.traceparent ?? 'none';
}

describe('the trace context of a run', () => {
  test('keeps the trace and the sampling of whoever asks, under a span id of its own', () => {
    fc.assert(
      fc.property(hex(32), hex(16), hex(2), fc.integer(), (trace, span, flags, seed) => {
        fc.pre(!/^0+$/.test(trace) && !/^0+$/.test(span));
        const made = traceparentFor(`00-${trace}-${span}-${flags}`, testRandom(seed));
        expect(made).toMatch(VALID);
        expect(traceIdOf(made)).toBe(trace);
        expect(made).not.toContain(`-${span}-`);
        expect(made.endsWith('1')).toBe(Number.parseInt(flags, 16) % 2 === 1);
      }),
    );
  });

  test('is a new one whatever else is asked for', () => {
    const almost = fc.constantFrom(
      `00-${'0'.repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01\n`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}`,
      [ASKED.traceparent],
    );
    fc.assert(
      fc.property(fc.oneof(almost, fc.anything(), fc.string()), fc.integer(), (asked, seed) => {
        const made = traceparentFor(asked, testRandom(seed));
        expect(made).toMatch(VALID);
        expect(made).toMatch(/-01$/);
        expect(traceIdOf(made)).not.toBe(TRACE);
      }),
    );
  });
});

describe('a run', () => {
  test('is a step of the trace of whoever triggers it, each time that its start is read', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api);
    const { body, status } = await api.admin.post(`${TRIGGER}/${pipeline.id}`, undefined, ASKED);
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['code', 'platform', 'reason', 'runId']);
    const stored = await traceparentOf(api, body['runId']);
    expect(stored).toMatch(VALID);
    expect(traceIdOf(stored)).toBe(TRACE);
    expect(await traceparentOf(api, body['runId'])).toBe(stored);
  });

  test('of an application or a test connection is one too', async () => {
    await using api = await testApi();
    const runner = await api.runner();
    await api.user.post('apps', { name: 'Solo', ingestionRunner: { id: runner.id } });
    const app = await api.user.post('apps/trigger/Solo', undefined, ASKED);
    expect(traceIdOf(await traceparentOf(api, app.body['runId']))).toBe(TRACE);
    const connection = { config: { type: 'Postgres' } };
    const { body: workflow } = await api.user.post('automations/workflows', {
      name: 'test-connection-1',
      workflowType: 'TEST_CONNECTION',
      request: { connection, serviceType: 'Database', connectionType: 'Postgres', ingestionRunner: 'runner-a' },
    });
    const tested = await api.user.post(`automations/workflows/trigger/${String(workflow['id'])}`, undefined, ASKED);
    expect(traceIdOf(await traceparentOf(api, tested.body['runId']))).toBe(TRACE);
  });

  test.each([{}, { traceparent: 'nonsense' }, { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` }])(
    'that is triggered with %j begins a trace of its own',
    async (headers) => {
      await using api = await testApi();
      const { pipeline } = await makeAll(api);
      const { body, status } = await api.admin.post(`${TRIGGER}/${pipeline.id}`, undefined, headers);
      expect(status).toBe(200);
      const stored = await traceparentOf(api, body['runId']);
      expect(stored).toMatch(VALID);
      expect(traceIdOf(stored)).not.toBe(TRACE);
    },
  );

  test('of a schedule begins a trace of its own', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { scheduleInterval: '0 * * * *' } });
    await api.admin.post(`services/ingestionPipelines/deploy/${pipeline.id}`);
    const scheduler = createScheduler({ store: api.store, trigger: api.trigger, clock: api.clock, logger: api.log });
    await scheduler.look();
    await api.clock.advance(3_600_000);
    await scheduler.look();
    const [run] = await api.store.runs.openOfEntity(pipeline.id);
    expect(run?.start.traceparent).toMatch(VALID);
  });

  test('that is another attempt stays in the trace of the first, as a step of its own', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { retries: 1, retryDelay: 0 } });
    const first = await triggerRun(api, pipeline.id);
    await runLife(api, first).accepted();
    await runLife(api, first).ended({ exitCode: 1 });
    await api.endings.settle();
    const [second] = await api.store.runs.openOfEntity(pipeline.id);
    const [before, after] = [await traceparentOf(api, first), second?.start.traceparent];
    expect(traceIdOf(after)).toBe(traceIdOf(before));
    expect(after).not.toBe(before);
  });

  test('has one line in the log when it is triggered and one when it has ended, with its trace', async () => {
    await using api = await testApi();
    const { pipeline } = await makeAll(api, { airflowConfig: { retries: 1, retryDelay: 60 } });
    const { body } = await api.admin.post(`${TRIGGER}/${pipeline.id}`, undefined, ASKED);
    const runId = String(body['runId']);
    await runLife(api, runId).accepted();
    await runLife(api, runId).ended({ exitCode: 1 });
    for (let look = 0; look < 3; look += 1) await api.endings.settle();
    const about = { runId, pipeline: 'warehouse.metadata', traceId: TRACE };
    expect(api.log.records.filter(({ context }) => context['runId'] === runId)).toEqual([
      {
        level: 'info',
        message: 'a run is triggered',
        context: { ...about, runner: 'runner-a', trigger: 'manual' },
      },
      {
        level: 'info',
        message: 'a run has ended',
        context: expect.objectContaining({ ...about, state: 'failed', diagnosis: 'program_failed' }) as unknown,
      },
    ]);
  });
});
