import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '@runner/faults';
import type { Runner, TestNamespace, World } from '@runner/e2e';
import { LONG_MS, WORKLOAD_IMAGE, agentRules, openWorld } from '@runner/e2e';

const VALUE = 'not-a-real-password';

let world: World;
let namespace: TestNamespace;
beforeAll(async () => {
  world = await openWorld();
  namespace = await world.namespace('secret-check');
  await namespace.create('Secret', { metadata: { name: 'shop-db' }, stringData: { value: VALUE } });
  await namespace.create('ServiceAccount', { metadata: { name: 'without-rights' } });
});
afterAll(() => world[Symbol.asyncDispose]());

const runnerNamed = (name: string, env: Readonly<Record<string, string>>): Promise<Runner> =>
  world.runner(name, { namespace, rules: agentRules(), env: { SECRETS_PREFLIGHT_IMAGE: WORKLOAD_IMAGE, ...env } });

describe('an agent that is to check a reference at its start', () => {
  it.each([
    [
      'reads it',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db' },
      /^preflight: workloads can read secret:shop-db \(kubernetes, .*, as system:serviceaccount:runner-secret-check-\w+:ingestion\)$/,
      undefined,
    ],
    [
      'finds it missing',
      { SECRETS_PREFLIGHT_REF: 'secret:nosuch' },
      /workloads cannot read secret:nosuch/,
      'secret_not_found',
    ],
    [
      'may not read it',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db', INGESTION_SERVICE_ACCOUNT_NAME: 'without-rights' },
      /workloads cannot read secret:shop-db/,
      'secret_forbidden',
    ],
    [
      'has an image without the program',
      { SECRETS_PREFLIGHT_REF: 'secret:shop-db', SECRETS_PREFLIGHT_IMAGE: 'docker.io/runner/busybox:1' },
      /it is not known whether workloads can read secret:shop-db/,
      'secret_check_failed',
    ],
  ])('says so when it %s, and leaves nothing behind', async (what, env, line, code) => {
    const runner = await runnerNamed(what.replaceAll(' ', '-'), env);
    const agent = await runner.activeAgent();
    const told = await eventually('it is told', () => agent.lines.find(({ message }) => line.test(message)), LONG_MS);
    if (code !== undefined) expect(told).toMatchObject({ code });
    expect(agent.output()).not.toContain(VALUE);
    await eventually(
      'the Job is gone',
      async () => (await namespace.list('Job', 'hybrid-ingestion-runner/probe')).length === 0,
      LONG_MS,
    );
  });
});
