import type { WireDiagnosis } from '@runner/protocol';
import { describe, expect, test } from 'vitest';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';
import { whileAdvancing } from '../support/while-advancing.ts';

const TAINT: WireDiagnosis = {
  category: 'scheduling',
  code: 'untolerated_taint',
  message: 'No node takes the pod: 1 node has the taint nodetype=runner:NoSchedule.',
  hint: 'Put the toleration into SIMPLEK8S_PIPELINE_TYPE_CONFIGS.',
  permanent: false,
};
const IMAGE: WireDiagnosis = {
  category: 'image',
  code: 'image_not_found',
  message: 'The image example/none:1 does not exist.',
  hint: 'Correct INGESTION_IMAGE.',
  permanent: true,
};

async function acceptedRun(api: TestApi) {
  const { pipeline } = await makeAll(api);
  const runId = await triggerRun(api, pipeline.id);
  const life = runLife(api, runId);
  await life.accepted();
  return { runId, life, fqn: pipeline.fullyQualifiedName };
}

type Data = Readonly<Record<string, unknown>>;
const events = (text: string): readonly Data[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '{}']) => JSON.parse(data) as Data);

/** A stream is under way: it waits for news, and its heartbeat runs. */
const reading = (api: TestApi): Promise<void> => expect.poll(() => api.clock.pendingTimers).toBeGreaterThanOrEqual(2);

describe('the diagnosis of a run', () => {
  test('is shown while it waits, goes when it starts, and is kept when the agent gives it up', async () => {
    await using api = await testApi();
    const { runId, life } = await acceptedRun(api);
    const seen = async () => (await api.user.get(`runs/${runId}`)).body;
    await life.stuck(TAINT);
    expect(await seen()).toMatchObject({ state: 'pending', pipelineState: 'queued', diagnosis: TAINT });
    await life.stuck(IMAGE);
    expect(await seen()).toMatchObject({ state: 'pending', diagnosis: IMAGE });
    await life.ending('permanent_failure', IMAGE);
    await life.stopped({ category: 'unknown', code: 'permanent_failure', message: 'Ended.', permanent: true });
    expect(await seen()).toMatchObject({ state: 'failed', reason: 'permanent_failure', diagnosis: IMAGE });
  });

  test('is not shown any more once the program runs', async () => {
    await using api = await testApi();
    const { runId, life } = await acceptedRun(api);
    await life.stuck(TAINT);
    await life.running();
    expect((await api.user.get(`runs/${runId}`)).body['diagnosis']).toBeUndefined();
  });

  test('is a failure of a step in the status that OpenMetadata reads', async () => {
    await using api = await testApi();
    const { runId, life, fqn } = await acceptedRun(api);
    await life.stuck(IMAGE);
    await life.ending('permanent_failure', IMAGE);
    await life.stopped(IMAGE);
    await api.endings.settle();
    const { body } = await api.user.get(`services/ingestionPipelines/${fqn}/pipelineStatus/${runId}`);
    expect(body).toMatchObject({
      pipelineState: 'failed',
      status: [{ failures: [{ name: 'image_not_found', error: `${IMAGE.message} ${IMAGE.hint}` }] }],
    });
  });
});

describe('the stream of a run', () => {
  test('tells every change and ends with the run', async () => {
    await using api = await testApi();
    const { runId, life } = await acceptedRun(api);
    const stream = api.user.get(`runs/${runId}/stream`);
    await reading(api);
    await life.stuck(TAINT);
    await api.clock.advance(1_000);
    await life.stuck(TAINT);
    await api.clock.advance(1_000);
    await life.ending('start_deadline', { ...TAINT, code: 'start_deadline', permanent: true });
    await life.stopped();
    const told = events((await whileAdvancing(api.clock, 100, stream)).text);
    expect(told).toMatchObject([
      { runId, state: 'pending' },
      { runId, state: 'pending', diagnosis: TAINT },
      { runId, state: 'failed', reason: 'start_deadline', diagnosis: { category: 'scheduling', hint: TAINT.hint } },
    ]);
    expect(told.at(-1)).toEqual((await api.user.get(`runs/${runId}`)).body);
  });

  test('of a run that is over is that run, and of none is 404', async () => {
    await using api = await testApi();
    const { runId, life } = await acceptedRun(api);
    await life.running();
    await life.ended({ exitCode: 0 });
    const { text, headers } = await whileAdvancing(api.clock, 100, api.user.get(`runs/${runId}/stream`));
    expect(headers['content-type']).toContain('text/event-stream');
    expect(events(text)).toMatchObject([{ runId, state: 'succeeded' }]);
    expect((await api.user.get('runs/11111111-2222-4333-8444-555555555555/stream')).status).toBe(404);
  });
});

describe('the progress stream', () => {
  test.each(['of the run', 'of the pipeline'])('%s tells why it waits, and why it failed', async (which) => {
    await using api = await testApi();
    const { runId, life, fqn } = await acceptedRun(api);
    const path = `services/ingestionPipelines/progress/${fqn}/stream`;
    const stream = api.user.get(which === 'of the run' ? `${path}/${runId}` : path);
    await reading(api);
    await life.stuck(IMAGE);
    await api.clock.advance(2_000);
    await life.ending('permanent_failure', IMAGE);
    await life.stopped(IMAGE);
    const { text } = await whileAdvancing(api.clock, 60_000, stream);
    const own = { runId, stepName: 'Runner Diagnostics', message: `${IMAGE.message} ${IMAGE.hint}`, diagnosis: IMAGE };
    expect(events(text)).toMatchObject([
      { ...own, updateType: 'PROCESSING' },
      { ...own, updateType: 'ERROR' },
    ]);
  });
});
