import { randomUUID } from 'node:crypto';
import { CONFIG_MAPS } from '@runner/kube';
import { expect, it } from 'vitest';
import { startAgent } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { NAMESPACE, testKubernetes } from '../kubernetes.ts';
import { testToken } from '../tokens.ts';

const STATUS = 'pull-secret-status';

it('an agent shows the expiry of the pull secret, and says it of a run whose image may not be pulled', async () => {
  await using kubernetes = await testKubernetes();
  kubernetes.server.put(CONFIG_MAPS, {
    metadata: { namespace: NAMESPACE, name: STATUS },
    data: {
      outcome: 'failed',
      expiresAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-02T00:00:00.000Z',
      message: 'AWS does not know the access key',
      hint: 'check the keys',
    },
  });
  kubernetes.cluster.trouble({ kind: 'waiting', reason: 'ErrImagePull', message: '403 Forbidden' });
  await using controlPlane = await testControlPlane();
  await using agent = startAgent({
    env: {
      AGENT_ID,
      AUTH_TOKEN: testToken({}),
      SERVER_URL: controlPlane.url,
      ...kubernetes.env,
      PULL_SECRET_STATUS_CONFIGMAP: STATUS,
    },
  });
  await controlPlane.untilActive();
  const metrics = agent.lines.find(
    ({ message, endpoint }) => message === 'an endpoint is open' && endpoint === 'metrics',
  );
  const scrape = async (): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${String(metrics?.port)}/metrics`)).text();
  await expect
    .poll(scrape, { timeout: 20_000 })
    .toMatch(/^collate_hybrid_agent_pull_secret_expiry_timestamp_seconds 1767225600$/m);
  const runId = randomUUID();
  controlPlane.submit({ runId });
  const row = await controlPlane.until(
    'the diagnosis',
    runId,
    ({ diagnosis }) => diagnosis?.code === 'image_unauthorized',
  );
  expect(row.diagnosis?.message).toContain(
    'The pull secret expired at 2026-01-01T00:00:00.000Z. The registry helper says: AWS does not know the access key.',
  );
  expect(row.diagnosis?.hint).toMatch(
    /^check the keys .*kubectl create job --from=cronjob\/ecr-registry-helper manual/,
  );
});
