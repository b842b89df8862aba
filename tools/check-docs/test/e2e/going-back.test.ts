import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findProgram, stagedAgentChart } from '@runner/charts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../support/program.ts';

const FORMER_CHART = fileURLToPath(new URL('../../../charts/test/fixtures/former-chart', import.meta.url));
const helm = await findProgram('helm', process.env);
const kubectl = (await findProgram('kubectl', process.env)) ?? 'kubectl';
if (helm === undefined)
  process.stderr.write('\n######## SKIPPED: the way back to the former chart: no helm ########\n');

const namespace = `guides-back-${randomBytes(3).toString('hex')}`;
const cwd = tmpdir();
const cluster = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(kubectl, ['--namespace', namespace, ...args], { cwd });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
};

/** Pods are not waited for, so any image will do. */
const VALUES = [
  ...['config.serverHost=runner.example.test', 'image.repository=docker.io/runner/busybox', 'image.tag=1'],
  ...['config.authToken=eyJhbGciOiJub25lIn0.eyJzdWIiOiJmYWtlIn0.not-a-signature', 'ecrRegistryHelper.hook=false'],
].flatMap((value) => ['--set', value]);

beforeAll(async () => {
  expect(await run(kubectl, ['create', 'namespace', namespace], { cwd })).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await run(kubectl, ['delete', 'namespace', namespace, '--wait=false'], { cwd });
});

describe.skipIf(helm === undefined)('the way back of docs/migrating.md', () => {
  const release = async (...args: readonly string[]): Promise<void> => {
    expect(await run(helm ?? '', [...args, '--namespace', namespace], { cwd })).toMatchObject({ code: 0 });
  };
  const kept = [
    'deployment/former-hybrid-ingestion-runner',
    'serviceaccount/ingestion',
    'secret/omd-registry-credentials',
  ];
  const uids = (): Promise<string> => cluster('get', ...kept, '--output', 'jsonpath={.items[*].metadata.uid}');
  const names = (): Promise<string> =>
    cluster('get', kept[0] ?? '', '--output', 'jsonpath={.spec.template.spec.containers[0].env[*].name}');

  test('helm rollback gives the former objects again, and keeps what both have', async () => {
    await using staged = await stagedAgentChart();
    await release('install', 'former', FORMER_CHART, ...VALUES);
    const login = [
      '--docker-server=registry.example.test',
      '--docker-username=nobody',
      '--docker-password=not-a-real-one',
    ];
    await cluster('create', 'secret', 'docker-registry', 'omd-registry-credentials', ...login);
    const before = await uids();
    const variables = await names();
    const objects = await everything();

    await release('upgrade', 'former', staged.folder, ...VALUES);
    expect(await uids()).toBe(before);
    expect(await names()).toContain('AUTH_TOKEN_FILE');

    await release('rollback', 'former', '1');
    expect(await uids()).toBe(before);
    expect(await names()).toBe(variables);
    expect(await everything()).toBe(objects);
  });

  /** Names of all that a release makes. */
  async function everything(): Promise<string> {
    const kinds = 'deployments,services,serviceaccounts,secrets,configmaps,roles,rolebindings,cronjobs';
    const found = await cluster('get', kinds, '--output', 'name');
    return found
      .split('\n')
      .filter((name) => !name.includes('sh.helm.release'))
      .toSorted()
      .join('\n');
  }
});
