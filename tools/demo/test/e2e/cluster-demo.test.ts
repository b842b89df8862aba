import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeconfigOfTests, openCluster } from '@runner/e2e';
import { eventually } from '../support/condition.ts';
import { startClusterDemo } from '../support/demo.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runner-cluster-demo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const isGone = async (namespace: string): Promise<boolean> => {
  const found = await openCluster(kubeconfigOfTests()).find('Namespace', undefined, namespace);
  return found === undefined || found.metadata.deletionTimestamp !== undefined;
};

describe('npm run demo:cluster', () => {
  it('catalogues the shop by a Job, its password from a Secret, and leaves nothing on the cluster', async () => {
    await using demo = startClusterDemo(folder, '--once');
    expect(await demo.ended, demo.output()).toBe(0);
    const output = demo.output();
    expect(output).toMatch(/demo_shop: success/);
    expect(output).toMatch(/tables\s*│\s*16/);
    expect(output).toMatch(/Job om-job-catalogue-\S+: .*Complete/);
    expect(output).toMatch(/Pod om-job-catalogue-\S+ on node \S+/);
    const password = (await readFile(join(folder, 'secrets', 'demo-db-password'), 'utf8')).trim();
    expect(output).not.toContain(password);
    const namespace = /Made the namespace (\S+)/.exec(output)?.[1] ?? '';
    await eventually('the namespace is gone', () => isGone(namespace));
  });

  it('removes what a killed one left behind, when it starts again', async () => {
    const killed = startClusterDemo(folder, '--keep');
    await killed.says('Starting the agent');
    killed.signal('SIGKILL');
    await killed.ended;
    const namespace = /Made the namespace (\S+)/.exec(killed.output())?.[1] ?? '';
    expect(await isGone(namespace)).toBe(false);
    await using next = startClusterDemo(folder, '--once');
    expect(await next.ended, next.output()).toBe(0);
    expect(next.output()).toContain(`Removing the namespace ${namespace} that a killed demo left behind`);
    await eventually('the old namespace is gone', () => isGone(namespace));
  });
});
