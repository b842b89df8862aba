import { systemClock, systemRandom } from '@runner/core';
import { createK8sExecutor } from '@runner/executor-k8s';
import { createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { podSettings } from '../benches/job-settings.ts';
import { createDispatching } from '../measure/dispatching.ts';
import { serve } from '../measure/questions.ts';
import type { Made } from '../measure/rounds.ts';

/** The agent behind its socket: dispatcher and executor, with both watches. */
export interface JobDispatcher {
  open(options: { readonly kubeconfig: string; readonly namespace: string }): Promise<void>;
  /** Starts that many runs at once: from the first start to the last answer. */
  dispatch(count: number): Promise<Made>;
}

const clock = systemClock({ keepAlive: true });
const random = systemRandom();
const { open, dispatch, observer } = createDispatching({ agentId: 'job-dispatcher', mostRuns: 2_000, clock, random });

serve<JobDispatcher>({
  open: async ({ kubeconfig, namespace }) => {
    const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
    const api = createKubeApi({ identity, clock, random, observer });
    open(createK8sExecutor({ api, namespace, pods: podSettings(), delivery: 'inline', clock, random }));
  },
  dispatch,
});
