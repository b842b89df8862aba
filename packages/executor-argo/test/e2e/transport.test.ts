import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@runner/core';
import { rejection, until } from '@runner/core/testing';
import { createListWatch } from '@runner/kube';
import { describe, expect, it } from 'vitest';
import { argoApiContract } from '../../src/testing/argo-api-contract.ts';
import { createArgoServerApi } from '../../src/transport/create-argo-server-api.ts';
import type { Workflow } from '../../src/workflow/objects.ts';
import { WORKFLOWS } from '../../src/workflow/objects.ts';
import { cuttableProxy } from '../support/cuttable-proxy.ts';
import { clusterArgo, clusterSubject, OFFICIAL_ROLE, realWorkflow } from '../support/transport-cluster.ts';

const TIMEOUT_MS = 120_000;
const kubeconfig = process.env['KUBECONFIG'];
/** Where Argo Server listens. */
const ENDPOINT = process.env['ARGO_SERVER_URL'] ?? 'http://127.0.0.1:2746';
const clock = systemClock({ keepAlive: true });
const random = systemRandom();
if (kubeconfig === undefined) {
  console.warn('SKIPPED: the transports to Argo were not tried on a real one, as KUBECONFIG names no cluster.');
}

/** Waits for its turn at the controller, and so runs nothing. */
function idle(name: string): Workflow {
  const workflow = realWorkflow(name, 'true');
  return { ...workflow, spec: { ...workflow.spec, suspend: true } };
}

describe.skipIf(kubeconfig === undefined)('on a cluster', () => {
  for (const transport of ['server', 'crd'] as const) {
    const make = () => clusterSubject(kubeconfig ?? '', ENDPOINT, transport, TIMEOUT_MS);
    argoApiContract(`a real ${transport}`, make, { timeoutMs: TIMEOUT_MS });
  }

  describe('a real Argo Server', () => {
    it('is refused what it cannot keep, with the reason', async () => {
      await using cluster = await clusterArgo(kubeconfig ?? '', TIMEOUT_MS);
      const { namespace } = cluster;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const token = await cluster.token(OFFICIAL_ROLE);
      const argo = createArgoServerApi({ endpoint: ENDPOINT, token, clock, random });
      const submit = (workflow: Workflow) =>
        rejection(argo.workflows.create(WORKFLOWS, namespace, workflow, { signal }));
      const plain = idle('one');
      const aimless = await submit({ ...plain, spec: { ...plain.spec, entrypoint: 'none' } });
      expect(aimless).toMatchObject({ code: 'kube_invalid', message: expect.stringContaining('none') as string });
      for (const bytes of [2_000_000, 4_000_000]) {
        const large = await submit(realWorkflow('large', 'true', 'x'.repeat(bytes)));
        expect(large).toMatchObject({ code: 'kube_invalid', retryable: false, details: { status: 413 } });
      }
      await argo.close();
    });

    it('is asked again with the token of a file that was renewed', async () => {
      await using cluster = await clusterArgo(kubeconfig ?? '', TIMEOUT_MS);
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const folder = await mkdtemp(join(tmpdir(), 'argo-token-'));
      const tokenFile = join(folder, 'token');
      await writeFile(tokenFile, 'not-a-token-of-anybody');
      const argo = createArgoServerApi({ endpoint: ENDPOINT, tokenFile, clock, random });
      const list = () => argo.workflows.list(WORKFLOWS, cluster.namespace, { signal });
      expect((await rejection(list())).code).toBe('kube_unauthorized');
      // The version is told to any token.
      expect(await argo.version({ signal })).toMatch(/^v\d/);
      await writeFile(tokenFile, await cluster.token(OFFICIAL_ROLE));
      expect((await list()).items).toEqual([]);
      await argo.close();
      await rm(folder, { recursive: true });
    });

    it('is watched on after it was away, without missing what happened meanwhile', async () => {
      await using cluster = await clusterArgo(kubeconfig ?? '', TIMEOUT_MS);
      await using proxy = await cuttableProxy(ENDPOINT);
      const { namespace, admin } = cluster;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const token = await cluster.token(OFFICIAL_ROLE);
      const argo = createArgoServerApi({ endpoint: proxy.url, token, clock, random });
      const stop = new AbortController();
      const cache = createListWatch({
        api: argo.workflows,
        type: WORKFLOWS,
        namespace,
        labelSelector: 'argo-api-contract',
        keep: ({ metadata }) => metadata?.name ?? '',
        onChange: () => undefined,
        clock,
        random,
        ...argo.streams,
      });
      const running = cache.run(stop.signal);
      await cache.synced(signal);
      const sees = (names: string) => () =>
        Promise.resolve([...cache.values()].sort().join() === names ? true : undefined);
      await admin.create(WORKFLOWS, namespace, idle('before'), { signal });
      await until('the first is seen', sees('before'), TIMEOUT_MS);
      proxy.close();
      await admin.create(WORKFLOWS, namespace, idle('meanwhile'), { signal });
      await admin.delete(WORKFLOWS, namespace, 'before', { signal, propagation: 'Background' });
      proxy.open();
      await until('the second is seen, the first gone', sees('meanwhile'), TIMEOUT_MS);
      stop.abort();
      await running;
      await argo.close();
    });

    it('takes a hundred Workflows at once', async () => {
      await using cluster = await clusterArgo(kubeconfig ?? '', TIMEOUT_MS);
      const { namespace } = cluster;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const token = await cluster.token(OFFICIAL_ROLE);
      const argo = createArgoServerApi({ endpoint: ENDPOINT, token, clock, random });
      const names = Array.from({ length: 100 }, (_value, index) => `run-${String(index).padStart(3, '0')}`);
      const results = await Promise.all(
        names.map((name) => argo.workflows.create(WORKFLOWS, namespace, idle(name), { signal })),
      );
      expect(results.every(({ created }) => created)).toBe(true);
      const listed = async (): Promise<true | undefined> => {
        const { items } = await argo.workflows.list(WORKFLOWS, namespace, {
          signal,
          pageSize: 30,
          keep: ({ metadata }) => metadata?.name ?? '',
        });
        return [...items].sort().join() === names.join() ? true : undefined;
      };
      await until('all are listed', listed, TIMEOUT_MS);
      await argo.close();
    });
  });
});
