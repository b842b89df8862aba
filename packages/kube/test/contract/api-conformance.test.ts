import type { AccessRight } from '../../src/api/kube-api.ts';
import type { Job } from '../../src/objects.ts';
import { CONFIG_MAPS, JOBS } from '../../src/objects.ts';
import { startTestApiServer } from '../../src/testing/api-server.ts';
import type { TestRight } from '../../src/testing/api-server.ts';
import { startTestCluster } from '../../src/testing/cluster.ts';
import type { TestCluster } from '../../src/testing/cluster.ts';
import { kubeApiContract } from '../../src/testing/kube-api-contract.ts';
import type { KubeApiSubject } from '../../src/testing/kube-api-contract.ts';

const signal = AbortSignal.timeout(120_000);
const NAMESPACE = 'runs';

/** The server in memory, with the cluster behind it where a test wants pods. */
async function memorySubject(): Promise<KubeApiSubject> {
  const server = await startTestApiServer({ namespaces: [NAMESPACE], bookmarkMs: 500 });
  const api = server.api();
  let cluster: TestCluster | undefined;
  const jobWithPod = async (name: string): Promise<TestCluster> => {
    cluster = startTestCluster(server);
    await api.create(JOBS, NAMESPACE, job(name), { signal });
    return cluster;
  };
  const until = async (look: () => boolean): Promise<void> => {
    while (!look()) await new Promise((resolve) => setImmediate(resolve));
  };
  const podName = (of: TestCluster, name: string): string => of.pod(name)?.metadata?.name ?? '';
  return {
    api,
    namespace: NAMESPACE,
    as: (rights) => Promise.resolve(server.api(rights.map(ruleOf), NAMESPACE)),
    quota: (resource, most) => {
      server.quota(NAMESPACE, `count/${resource}`, most);
      return Promise.resolve();
    },
    expiredVersion: async () => {
      const { resourceVersion } = await api.list(CONFIG_MAPS, NAMESPACE, { signal });
      await api.create(CONFIG_MAPS, NAMESPACE, { metadata: { name: 'later' } }, { signal });
      server.fault({ kind: 'expire' });
      return resourceVersion;
    },
    finishedPod: async (written) => {
      const running = await jobWithPod('finished');
      await until(() => running.starts('finished') === 1);
      running.print('finished', written);
      running.exit('finished', 0);
      await until(() => running.pod('finished')?.status?.phase === 'Succeeded');
      return podName(running, 'finished');
    },
    waitingPod: async () => {
      const waiting = startTestCluster(server);
      cluster = waiting;
      waiting.trouble({ kind: 'waiting', reason: 'ImagePullBackOff', message: 'Back-off pulling image' });
      await api.create(JOBS, NAMESPACE, job('waiting'), { signal });
      await until(() => waiting.pod('waiting')?.status?.containerStatuses?.[0]?.state?.waiting !== undefined);
      return podName(waiting, 'waiting');
    },
    [Symbol.asyncDispose]: async () => {
      await cluster?.[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function job(name: string): Job {
  const container = { name: 'main', image: 'docker.io/runner/busybox:1' };
  return { metadata: { name }, spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } };
}

function ruleOf({ verb, group, resource, subresource }: AccessRight): TestRight {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return { group, resources: [name], verbs: [verb], namespace: NAMESPACE };
}

kubeApiContract('the API server in memory', memorySubject);
