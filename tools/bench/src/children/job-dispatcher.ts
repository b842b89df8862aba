import { systemClock, systemRandom } from '@runner/core';
import { createDispatcher } from '@runner/dispatch';
import type { Dispatcher } from '@runner/dispatch';
import { testRunSpec } from '@runner/executor/testing';
import { createK8sExecutor } from '@runner/executor-k8s';
import { createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { configOf, runIdOf } from '../benches/frames.ts';
import { podSettings } from '../benches/job-settings.ts';
import { serve } from '../measure/questions.ts';

/** The agent behind its socket: dispatcher and executor, with both watches. */
export interface JobDispatcher {
  open(options: { readonly kubeconfig: string; readonly namespace: string }): Promise<void>;
  /** Starts that many runs at once; milliseconds from the first start to the last answer. */
  dispatch(count: number): Promise<number>;
}

const MOST_RUNS = 2_000;
const CONFIG_BYTES = 8_192;
const OWNER = { controlPlaneId: 'bench', agentId: 'job-dispatcher' };

const clock = systemClock({ keepAlive: true });
const random = systemRandom();
const nothing = (): void => undefined;
let dispatcher: Dispatcher | undefined;
let started = 0;
let onAccepted = nothing;

serve<JobDispatcher>({
  open: async ({ kubeconfig, namespace }) => {
    const api = createKubeApi({ identity: await kubeconfigIdentity({ path: kubeconfig, clock }), clock, random });
    dispatcher = createDispatcher({
      executor: createK8sExecutor({ api, namespace, pods: podSettings(), delivery: 'inline', clock, random }),
      agentId: OWNER.agentId,
      limits: { total: MOST_RUNS },
      startDeadlineSeconds: () => Infinity,
      reporter: {
        accepted: () => onAccepted(),
        refused: nothing,
        waiting: nothing,
        cancelled: nothing,
        observed: nothing,
        ending: nothing,
        slotsChanged: nothing,
      },
      clock,
      random,
    });
    dispatcher.activate({ controlPlaneId: OWNER.controlPlaneId, epoch: 1 });
  },
  dispatch: async (count) => {
    const config = configOf(CONFIG_BYTES);
    const specs = Array.from({ length: count }, () =>
      testRunSpec({ runId: runIdOf((started += 1)), owner: OWNER, config }),
    );
    const began = clock.monotonic();
    let accepted = 0;
    await new Promise<void>((resolve) => {
      onAccepted = () => {
        accepted += 1;
        if (accepted === count) resolve();
      };
      for (const spec of specs) dispatcher?.start(spec);
    });
    return clock.monotonic() - began;
  },
});
