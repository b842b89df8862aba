import { createAgent } from '@runner/agent/agent';
import { systemClock, systemRandom } from '@runner/core';
import { RUN_ID_LABEL } from '@runner/executor';
import { createK8sExecutor } from '@runner/executor-k8s';
import { JOBS, createKubeApi } from '@runner/kube';
import type { Job, KubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { dialWebSocket } from '@runner/protocol/ws';
import { podSettings } from '../benches/job-settings.ts';
import { serve } from '../measure/questions.ts';

/** The agent with the executor for Jobs, and a stopwatch on both sides of it. */
export interface JobAgent {
  connect(options: {
    readonly url: string;
    readonly agentId: string;
    readonly kubeconfig: string;
    readonly namespace: string;
    readonly delivery: 'inline' | 'secret';
  }): Promise<void>;
  /** What happened since the last time this was asked. */
  times(): readonly JobTimes[];
  /** One of the Jobs it made. */
  sample(): Job;
}

/** Milliseconds of this process's own clock. */
export interface JobTimes {
  /** The start was read from its frame. */
  readonly received: number;
  /** The create was handed to the client. */
  readonly create: number;
  /** The API server has answered. */
  readonly created: number;
}

const MOST_RUNS = 2_000;

const clock = systemClock({ keepAlive: true });
const random = systemRandom();
const received = new Map<string, number>();
let times: JobTimes[] = [];
let sample: Job | undefined;

serve<JobAgent>({
  connect: async ({ url, agentId, kubeconfig, namespace, delivery }) => {
    const identity = await kubeconfigIdentity({ path: kubeconfig, clock });
    const executor = createK8sExecutor({
      api: timed(createKubeApi({ identity, clock, random })),
      namespace,
      pods: podSettings(),
      delivery,
      clock,
      random,
    });
    createAgent({
      agentId,
      version: '0.0.0',
      executor,
      secretsManager: 'none',
      dial: dialWebSocket({ url, token: () => 'bench' }),
      limits: { total: MOST_RUNS },
      startDeadlineSeconds: () => Infinity,
      dispatchObserver: { received: ({ runId }) => void received.set(runId, clock.monotonic()) },
      clock,
      random,
    }).start();
  },
  times: () => {
    const told = times;
    times = [];
    return told;
  },
  sample: () => {
    if (sample === undefined) throw new Error('no Job was made yet');
    return sample;
  },
});

function timed(api: KubeApi): KubeApi {
  return {
    ...api,
    create: async (type, namespace, object, options) => {
      const create = clock.monotonic();
      const result = await api.create(type, namespace, object, options);
      const runId = object.metadata?.labels?.[RUN_ID_LABEL] ?? '';
      const at = received.get(runId);
      if (type.kind !== JOBS.kind || at === undefined) return result;
      received.delete(runId);
      sample ??= object as Job;
      times.push({ received: at, create, created: clock.monotonic() });
      return result;
    },
  };
}
