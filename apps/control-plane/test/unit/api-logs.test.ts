import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import type { TestApi } from '../support/api.ts';
import { runLife } from '../support/run-life.ts';
import { whileAdvancing } from '../support/while-advancing.ts';

const BASE = 'services/ingestionPipelines/logs';

async function makeRun(api: TestApi) {
  const { pipeline } = await makeAll(api);
  const runId = await triggerRun(api, pipeline.id);
  await runLife(api, runId).accepted();
  await runLife(api, runId).running();
  const pulled = (text: string): Promise<number> => api.store.logs.append(runId, 'pulled', { text });
  return { pipeline, runId, pulled, main: await api.workload(runId), fqn: pipeline.fullyQualifiedName };
}

/** A stream is under way: it waits for news. */
const started = (api: TestApi): Promise<void> => expect.poll(() => api.clock.pendingTimers).toBeGreaterThanOrEqual(2);

interface Event {
  readonly id: string | undefined;
  readonly data: Readonly<Partial<Record<string, string>>>;
}

function eventsOf(text: string): readonly Event[] {
  return text
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => ({
      id: /^id: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '{}') as Event['data'],
    }));
}

describe('the log of a run', () => {
  test('is paged under the task key of its type, in strings', async () => {
    await using api = await testApi();
    const { runId, fqn, pipeline, pulled } = await makeRun(api);
    await pulled('one\ntwo\n');
    const page = { ingestion_task: 'one\ntwo\n', total: '1' };
    expect((await api.user.get(`${BASE}/${fqn}/last`)).body).toEqual(page);
    expect((await api.user.get(`${BASE}/${pipeline.id}/last?after=0&limit=1000`)).body).toEqual(page);
    expect((await api.user.get(`${BASE}/${fqn}/${runId}`)).body).toEqual(page);
    expect((await api.user.get(`${BASE}/${fqn}/${runId}?after=5`)).body).toEqual({ ingestion_task: '', total: '1' });
    expect((await api.user.get(`${BASE}/${fqn}`)).body).toEqual({ runs: [runId] });
  });

  test('of more than a chunk is read by following after, and loses nothing', async () => {
    await using api = await testApi();
    const { fqn, pulled } = await makeRun(api);
    const text = `${'ü'.repeat(999)}\n`.repeat(1_200);
    await pulled(text);
    let whole = '';
    let after: string | undefined = '';
    for (let pages = 0; after !== undefined && pages < 10; pages += 1) {
      const { body } = await api.user.get(`${BASE}/${fqn}/last?after=${after}`);
      const chunk = String(body['ingestion_task']);
      expect(Buffer.byteLength(chunk)).toBeLessThanOrEqual(983_040);
      expect(body['total']).toBe('3');
      whole += chunk;
      after = body['after'] as string | undefined;
    }
    expect(whole === text).toBe(true);
    const file = await api.user.get(`${BASE}/${fqn}/last/download`);
    expect(file.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': expect.stringMatching(/^attachment; filename="[0-9a-f-]+\.log"$/) as string,
    });
    expect(file.text === text).toBe(true);
  });

  test('that is not there yet, or never came, says so in a sentence', async () => {
    await using api = await testApi();
    const { fqn, runId } = await makeRun(api);
    expect((await api.user.get(`${BASE}/${fqn}/last`)).body).toEqual({
      logs: 'There is no log yet: the run is running.',
      total: '0',
    });
    await runLife(api, runId).gone();
    const { body } = await api.user.get(`${BASE}/${fqn}/last`);
    expect(body['logs']).toContain('The workload is gone without a trace');
    const { body: other } = await api.admin.post('services/ingestionPipelines', {
      name: 'never',
      pipelineType: 'application',
      sourceConfig: {},
      airflowConfig: {},
    });
    expect((await api.user.get(`${BASE}/${String(other['id'])}/last`)).body).toEqual({
      logs: 'This pipeline has not run yet.',
      total: '0',
    });
    expect((await api.user.get(`${BASE}/never/last/download`)).status).toBe(404);
  });

  test('is refused with a cursor that is none', async () => {
    await using api = await testApi();
    const { fqn, pulled } = await makeRun(api);
    await pulled('x\n');
    for (const after of ['abc', '-1', '1e3', '99999999999']) {
      expect(await api.user.get(`${BASE}/${fqn}/last?after=${after}`)).toMatchObject({
        status: 400,
        body: { errorType: 'invalid_cursor' },
      });
    }
  });

  test('belongs to its pipeline', async () => {
    await using api = await testApi();
    const { runId, pulled } = await makeRun(api);
    await pulled('x\n');
    await api.admin.post('services/ingestionPipelines', {
      name: 'other',
      pipelineType: 'application',
      sourceConfig: {},
      airflowConfig: {},
    });
    expect((await api.user.get(`${BASE}/other/${runId}`)).status).toBe(404);
    expect((await api.user.get(`${BASE}/other/stream/${runId}`)).status).toBe(404);
    expect((await api.bot.post(`${BASE}/other/${runId}`, 'x')).status).toBe(404);
  });
});

describe('a log that the workload ships', () => {
  test('as text, as a batch of lines or compressed is shown once it is closed', async () => {
    await using api = await testApi();
    const { runId, fqn, main, pulled } = await makeRun(api);
    await pulled('pulled\n');
    const path = `${BASE}/${fqn}/${runId}`;
    expect((await main.post(path, 'plain')).status).toBe(204);
    const batch = { logs: 'line 1\nline 2', timestamp: 1, connectorId: 'host-1', compressed: false, lineCount: 2 };
    expect((await main.post(path, batch)).status).toBe(204);
    const compressed = gzipSync('squeezed\n').toString('base64');
    expect((await main.post(path, { logs: compressed, compressed: true })).status).toBe(204);
    expect((await api.user.get(path)).body['ingestion_task']).toBe('pulled\n');
    expect((await main.post(`${path}/close`, { connectorId: 'host-1', timestamp: 2 })).status).toBe(204);
    expect((await api.user.get(path)).body['ingestion_task']).toBe('plain\nline 1\nline 2\nsqueezed\n');
  });

  test('is redacted and cleaned before it is stored', async () => {
    await using api = await testApi();
    const { runId, fqn, main } = await makeRun(api);
    const path = `${BASE}/${fqn}/${runId}`;
    await main.post(path, { logs: 'password=hunter2hunter2 \u0000 \ud800 Bearer abcdefghijklmnop\n' });
    const { body } = await api.user.get(path);
    expect(body['ingestion_task']).toBe('password=[redacted] \uFFFD \uFFFD Bearer [redacted]\n');
  });

  test('closed without a line does not hide the one that the runner read', async () => {
    await using api = await testApi();
    const { runId, fqn, main, pulled } = await makeRun(api);
    await pulled('pulled\n');
    await main.post(`${BASE}/${fqn}/${runId}/close`);
    expect((await api.user.get(`${BASE}/${fqn}/${runId}`)).body['ingestion_task']).toBe('pulled\n');
  });

  test('that cannot be unpacked, or unpacks without end, is refused', async () => {
    await using api = await testApi();
    const { runId, fqn, main } = await makeRun(api);
    const path = `${BASE}/${fqn}/${runId}`;
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('base64');
    for (const logs of ['not base64 of anything', randomBytes(100).toString('base64'), bomb]) {
      expect(await main.post(path, { logs, compressed: true })).toMatchObject({ status: 400 });
    }
    expect((await main.post(path, { lines: [] })).status).toBe(400);
    expect((await main.post(path, 'x'.repeat(1_048_576 * 4))).status).toBe(413);
    expect((await main.post(path, 'x'.repeat(1_048_576 * 2))).status).toBe(204);
  });
});

describe('a log as a stream', () => {
  test('brings what is there and what comes, and ends with the run', async () => {
    await using api = await testApi();
    const { runId, fqn, pulled } = await makeRun(api);
    await pulled('first\n');
    const reading = api.user.get(`${BASE}/${fqn}/stream/last`);
    await started(api);
    await pulled('second\n');
    await api.clock.advance(16_000);
    await api.store.logs.close(runId, 'pulled');
    const { text, headers, status } = await whileAdvancing(api.clock, 100, reading);
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('text/event-stream');
    const events = eventsOf(text);
    expect(events.map(({ data }) => data['logs'] ?? '').join('')).toBe('first\nsecond\n');
    expect(events.at(-1)?.data).toMatchObject({ eventType: 'complete', runId, reason: 'runFinished' });
    expect(events.slice(0, -1).every(({ data, id }) => data['eventType'] === 'logs' && data['after'] === id)).toBe(
      true,
    );
    expect(text).toContain('\n:\n\n');
  });

  test('resumes from any of its cursors without a gap and without a repetition', async () => {
    await using api = await testApi();
    const { runId, fqn, pulled } = await makeRun(api);
    const path = `${BASE}/${fqn}/stream/${runId}`;
    const reading = api.user.get(path);
    await started(api);
    const text = Array.from({ length: 5 }, (_, n) => `line ${n} ${'ü'.repeat(100_000)}\n`);
    for (const line of text) {
      await pulled(line);
      await api.clock.advance(10);
    }
    await api.store.logs.close(runId, 'pulled');
    const events = eventsOf((await whileAdvancing(api.clock, 100, reading)).text);
    const whole = text.join('');
    expect(events.map(({ data }) => data['logs'] ?? '').join('') === whole).toBe(true);
    let before = '';
    for (const event of events) {
      before += event.data['logs'] ?? '';
      const rest = eventsOf((await api.user.get(`${path}?after=${event.data['after'] ?? ''}`)).text);
      expect(before + rest.map(({ data }) => data['logs'] ?? '').join('') === whole).toBe(true);
    }
  });

  test('of a run that ended without a log ends by itself', async () => {
    await using api = await testApi();
    const { runId, fqn } = await makeRun(api);
    await runLife(api, runId).gone();
    const reading = api.user.get(`${BASE}/${fqn}/stream/${runId}`);
    expect(eventsOf((await whileAdvancing(api.clock, 1_000, reading)).text)).toMatchObject([
      { data: { eventType: 'complete', reason: 'runFinished' } },
    ]);
  });

  test('is let go after an hour, to be resumed', async () => {
    await using api = await testApi();
    const { runId, fqn, pulled } = await makeRun(api);
    await pulled('x\n');
    const reading = api.user.get(`${BASE}/${fqn}/stream/${runId}`);
    const last = eventsOf((await whileAdvancing(api.clock, 60_000, reading)).text).at(-1);
    expect(last?.data).toMatchObject({ eventType: 'complete', reason: 'maxDuration', after: '0.2' });
  });
});

describe('the progress of a run', () => {
  test('is streamed as it is reported, and the stream ends with the run', async () => {
    await using api = await testApi();
    const { runId, fqn, main } = await makeRun(api);
    const path = `services/ingestionPipelines/progress/${fqn}`;
    const report = (updateType: string, processed: number) =>
      main.put(`${path}/${runId}`, { runId, timestamp: 1, updateType, progress: { table: { total: 9, processed } } });
    expect((await report('DISCOVERY', 0)).status).toBe(204);
    const reading = api.user.get(`${path}/stream/${runId}`);
    await started(api);
    await report('PROCESSING', 4);
    await api.clock.advance(1_000);
    await report('PIPELINE_COMPLETE', 9);
    await runLife(api, runId).ended({ exitCode: 0 });
    const events = eventsOf((await whileAdvancing(api.clock, 100, reading)).text);
    expect(events.map(({ data }) => data['updateType'])).toEqual(['DISCOVERY', 'PROCESSING', 'PIPELINE_COMPLETE']);
  });

  test('of a pipeline and of a service is streamed over their runs', async () => {
    await using api = await testApi();
    const { runId, fqn, main } = await makeRun(api);
    const path = 'services/ingestionPipelines/progress';
    const reading = [`${path}/${fqn}/stream`, `${path}/service/databaseService/warehouse/stream`].map((each) =>
      api.user.get(each),
    );
    await main.put(`${path}/${fqn}/${runId}`, { runId, timestamp: 1, updateType: 'ERROR', message: 'oh' });
    for (const answer of await whileAdvancing(api.clock, 60_000, Promise.all(reading))) {
      expect(eventsOf(answer.text)).toMatchObject([{ data: { updateType: 'ERROR', message: 'oh' } }]);
    }
  });

  test('that is none is refused', async () => {
    await using api = await testApi();
    const { runId, fqn, main } = await makeRun(api);
    const path = `services/ingestionPipelines/progress/${fqn}/${runId}`;
    expect((await main.put(path, { runId, timestamp: 1, updateType: 'SLEEPING' })).status).toBe(400);
    expect((await main.put(path, { runId, updateType: 'ERROR' })).status).toBe(400);
  });
});
