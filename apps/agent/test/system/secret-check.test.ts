import { join } from 'node:path';
import { JOBS } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { startAgent } from '../agent-process.ts';
import { AGENT_ID, testControlPlane } from '../control-plane.ts';
import { temporaryFolder } from '../folder.ts';
import { testKubernetes } from '../kubernetes.ts';
import { testToken } from '../tokens.ts';

const VALUE = 'not-a-real-password';
const usual = (url: string): Readonly<Record<string, string>> => ({
  AGENT_ID,
  AUTH_TOKEN: testToken({ sub: 'bot' }),
  SERVER_URL: url,
});

describe('SECRETS_PREFLIGHT_REF', () => {
  it.each([
    ['secret:db', /^preflight: workloads can read secret:db \(env, variables that begin with RUNNER_SECRET_\)$/],
    ['secret:none', /^preflight: workloads cannot read secret:none: .* is not set$/],
  ])('has %s read by a process of the local executor, and told without its value', async (reference, line) => {
    using place = temporaryFolder();
    await using controlPlane = await testControlPlane();
    await using agent = startAgent({
      env: {
        ...usual(controlPlane.url),
        EXECUTOR_TYPE: 'local',
        LOCAL_EXECUTOR_DIR: join(place.path, 'runs'),
        RUNNER_SECRET_DB: VALUE,
        SECRETS_PREFLIGHT_REF: reference,
      },
    });
    await agent.line(line);
    await controlPlane.untilActive();
    expect(agent.output).not.toContain(VALUE);
  });

  it('has it read by a pod, and connects meanwhile', async () => {
    await using kubernetes = await testKubernetes();
    await using controlPlane = await testControlPlane();
    await using agent = startAgent({
      env: {
        ...usual(controlPlane.url),
        ...kubernetes.env,
        SECRETS_PREFLIGHT_REF: 'secret:db',
        SECRETS_PREFLIGHT_IMAGE: 'example.test/check:1',
      },
    });
    await controlPlane.untilActive();
    const job = await kubernetes.started(/^hybrid-runner-probe-/);
    expect(kubernetes.server.objects(JOBS)).toMatchObject([
      { spec: { template: { spec: { containers: [{ image: 'example.test/check:1' }] } } } },
    ]);
    const error = { code: 'secret_forbidden', message: 'the account ingestion may not get it', hint: 'grant get' };
    const about = { reference: 'secret:db', provider: 'kubernetes', location: 'namespace ingestion', ok: false };
    kubernetes.cluster.exit(job, 11, { message: JSON.stringify([{ ...about, warnings: [], error }]) });
    await agent.line(/^preflight: workloads cannot read secret:db: the account ingestion may not get it$/);
  });
});
