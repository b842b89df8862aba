import { expect, test } from 'vitest';
import { withTokens } from '../../src/gateway/start-tokens.ts';
import { exitTokenPlace, runTokenPlace, withRunToken } from '../../src/openmetadata/run-token-place.ts';
import { makeAll, testApi } from '../support/api.ts';

const tokenIn = (config: unknown): string =>
  (config as { workflowConfig: { openMetadataServerConfig: { securityConfig: { jwtToken: string } } } }).workflowConfig
    .openMetadataServerConfig.securityConfig.jwtToken;

test('the token of a run is in no store: it is put into the start when that is sent, the same one each time', async () => {
  await using api = await testApi();
  const { pipeline } = await makeAll(api);
  const triggered = await api.user.post(`services/ingestionPipelines/trigger/${pipeline.id}`);
  const runId = String(triggered.body['runId']);
  const row = await api.store.runs.get(runId);
  expect(JSON.stringify(row)).not.toContain('eyJ');

  const book = withTokens(api.store.runBook, api.auth);
  const first = await book.start(runId);
  await api.clock.advance(61_000);
  const second = await book.start(runId);
  expect(second).toEqual(first);
  expect(await api.auth.verify(tokenIn(first?.config))).toMatchObject({
    ...{ role: 'run', runId, tokenId: row?.runTokenId },
  });
  expect(await book.start('00000000-0000-4000-8000-000000000000')).toBeUndefined();
});

test('the exit step of a pipeline has a token of its own in the start, the same one each time, and none in the store', async () => {
  await using api = await testApi();
  const { pipeline } = await makeAll(api);
  const triggered = await api.user.post(`services/ingestionPipelines/trigger/${pipeline.id}`);
  const runId = String(triggered.body['runId']);
  const row = await api.store.runs.get(runId);
  expect(row?.start.exitToken).toBe(exitTokenPlace({ tokenId: row?.exitTokenId ?? '', issuedAt: api.clock.now() }));

  const book = withTokens(api.store.runBook, api.auth);
  const first = await book.start(runId);
  await api.clock.advance(61_000);
  expect(await book.start(runId)).toEqual(first);
  expect(await api.auth.verify(first?.exitToken ?? '')).toMatchObject({
    ...{ role: 'exitStep', runId, tokenId: row?.exitTokenId },
  });
  expect(JSON.stringify(first?.config)).not.toContain(first?.exitToken);
});

test('a run whose program reports to another server, or is no pipeline, has no token for an exit step', async () => {
  await using api = await testApi();
  const { service } = await makeAll(api);
  const made = await api.user.post('services/ingestionPipelines', {
    ...{ name: 'elsewhere', pipelineType: 'metadata', service: { id: service.id, type: 'databaseService' } },
    ...{ sourceConfig: { config: { type: 'DatabaseMetadata' } }, airflowConfig: {} },
    openMetadataServerConnection: { hostPort: 'https://elsewhere.test/api', securityConfig: { jwtToken: 'theirs' } },
  });
  const triggered = await api.user.post(`services/ingestionPipelines/trigger/${String(made.body['id'])}`);
  const book = withTokens(api.store.runBook, api.auth);
  const start = await book.start(String(triggered.body['runId']));
  expect(start).toBeDefined();
  expect(start).not.toHaveProperty('exitToken');
  const { body: automation } = await api.user.post('automations/workflows', {
    ...{ name: 't', workflowType: 'TEST_CONNECTION', request: { ingestionRunner: 'runner-a' } },
  });
  const test = await api.trigger.triggerAutomation(String(automation['id']), { trigger: 'api', createdBy: 'someone' });
  expect(await book.start(test.record.runId)).toMatchObject({ kind: 'automation' });
  expect(await book.start(test.record.runId)).not.toHaveProperty('exitToken');
});

test('what stands in a start is replaced by a token or left out, never sent as it is', async () => {
  await using api = await testApi();
  const { pipeline } = await makeAll(api);
  const row = await api.trigger.triggerPipeline(pipeline.id, { trigger: 'api', createdBy: 'someone' });
  const { runId } = row.record;
  const book = {
    ...api.store.runBook,
    start: async (id: string) => {
      const start = await api.store.runBook.start(id);
      return start === undefined ? undefined : { ...start, exitToken: runTokenPlace({ tokenId: runId, issuedAt: 0 }) };
    },
  };
  expect(await withTokens(book, api.auth).start(runId)).not.toHaveProperty('exitToken');
});

test('a pipeline cannot have the token of its run sent to a server of its own', async () => {
  await using api = await testApi();
  const { service } = await makeAll(api);
  const forged = runTokenPlace({ tokenId: '11111111-2222-4333-8444-555555555555', issuedAt: 0 });
  const made = await api.user.post('services/ingestionPipelines', {
    name: 'elsewhere',
    pipelineType: 'metadata',
    service: { id: service.id, type: 'databaseService' },
    sourceConfig: { config: { type: 'DatabaseMetadata' } },
    airflowConfig: {},
    openMetadataServerConnection: { hostPort: 'https://elsewhere.test/api', securityConfig: { jwtToken: forged } },
  });
  const triggered = await api.user.post(`services/ingestionPipelines/trigger/${String(made.body['id'])}`);
  const start = await withTokens(api.store.runBook, api.auth).start(String(triggered.body['runId']));
  await expect(api.auth.verify(tokenIn(start?.config))).rejects.toMatchObject({ code: 'token_invalid' });
});

test.each([
  [{}],
  [{ workflowConfig: null }],
  [{ openMetadataServerConnection: { securityConfig: { jwtToken: 'own' } } }],
])('a config without a place for a token stays as it is: %j', async (config) => {
  expect(await withRunToken(config, () => Promise.reject(new Error('nothing to mint')))).toBe(config);
});
