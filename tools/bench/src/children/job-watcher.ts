import { keepHeapSmall } from '@runner/agent/heap';
import { systemClock, systemRandom } from '@runner/core';
import type { JsonObject, WorkloadOwner } from '@runner/executor';
import { testRunSpec } from '@runner/executor/testing';
import { createK8sExecutor } from '@runner/executor-k8s';
import type { K8sExecutor } from '@runner/executor-k8s';
import { createKubeApi } from '@runner/kube';
import type { Job, KubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { podSettings } from '../benches/job-settings.ts';
import type { OwnMemory } from '../measure/memory.ts';
import { collectedMemory } from '../measure/memory.ts';
import { serve } from '../measure/questions.ts';

/** The watch of the executor for Jobs, alone. */
export interface JobWatcher {
  open(options: {
    readonly kubeconfig: string;
    readonly namespace: string;
    readonly owner: WorkloadOwner;
  }): Promise<void>;
  /** A Job as the executor would make it. Nothing is made. */
  job(config: JsonObject): Promise<Job>;
  /** Begins to watch; resolves once that many Jobs were seen. */
  watch(count: number): Promise<void>;
  collectedMemory(): Promise<OwnMemory>;
}

// As the agent does when it starts.
keepHeapSmall();

const clock = systemClock({ keepAlive: true });
const random = systemRandom();
let opened: { readonly api: KubeApi; readonly executor: K8sExecutor; readonly namespace: string } | undefined;
let owner: WorkloadOwner | undefined;

function current() {
  if (opened === undefined) throw new Error('it was not opened yet');
  return opened;
}

serve<JobWatcher>({
  open: async ({ kubeconfig, namespace, owner: wanted }) => {
    const api = createKubeApi({ identity: await kubeconfigIdentity({ path: kubeconfig, clock }), clock, random });
    const executor = createK8sExecutor({ api, namespace, pods: podSettings(), delivery: 'inline', clock, random });
    opened = { api, executor, namespace };
    owner = wanted;
  },
  job: async (config) => {
    const { api, namespace } = current();
    let made: Job | undefined;
    const onlyLooking: KubeApi = {
      ...api,
      create: (_type, _namespace, object) => {
        made = object;
        return Promise.reject(new Error('only looking'));
      },
    };
    const executor = createK8sExecutor({
      api: onlyLooking,
      namespace,
      pods: podSettings(),
      delivery: 'inline',
      clock,
      random,
    });
    await executor
      .submit(testRunSpec({ config, ...(owner === undefined ? {} : { owner }) }), new AbortController().signal)
      .catch(() => undefined);
    await executor.close();
    if (made === undefined) throw new Error('the executor made no Job');
    return made;
  },
  watch: async (count) => {
    const { executor } = current();
    const seen = new Set<string>();
    await new Promise<void>((resolve) => {
      const look = ({ runId }: { readonly runId: string }): void => {
        seen.add(runId);
        if (seen.size >= count) resolve();
      };
      if (owner !== undefined) void executor.watch(owner, look, new AbortController().signal);
    });
    seen.clear();
  },
  collectedMemory,
});
