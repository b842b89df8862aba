import { test } from 'vitest';
import { makeAll, testApi, triggerRun } from '../support/api.ts';
import { fuzzApi, sampleBodies } from '../support/fuzz-api.ts';

test('any request to any route is answered, and never with a failure of the server', async () => {
  await using api = await testApi();
  const { runner, service, pipeline } = await makeAll(api);
  const runId = await triggerRun(api, pipeline.id);
  const { body: workflow } = await api.user.post('automations/workflows', {
    name: 'test-connection',
    workflowType: 'TEST_CONNECTION',
    request: { ingestionRunner: 'runner-a' },
  });
  const { token } = await api.auth.issue({ role: 'admin', subject: 'fuzzer' });
  const known = [
    service.id,
    pipeline.id,
    runId,
    String(workflow['id']),
    runner.id,
    'warehouse',
    'warehouse.metadata',
    'last',
  ];
  const samples = sampleBodies({ serviceId: service.id, runnerId: runner.id, runId });
  await fuzzApi({ app: api.app, token, known, samples }, 2_500);
});
