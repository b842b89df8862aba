import { keepHeapSmall } from '@runner/agent/heap';
import { systemClock, systemRandom } from '@runner/core';
import { createArgoCrdApi, createArgoExecutor, createArgoServerApi } from '@runner/executor-argo';
import type { ArgoApi, Workflow } from '@runner/executor-argo';
import { createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { podSettings } from '../benches/job-settings.ts';
import { createDispatching } from '../measure/dispatching.ts';
import type { OwnMemory } from '../measure/memory.ts';
import { collectedMemory } from '../measure/memory.ts';
import { serve } from '../measure/questions.ts';
import type { Made } from '../measure/rounds.ts';

/** How it reaches Argo: through its server alone, or through the API server. */
export type WorkflowPlace = { readonly kubeconfig: string } | { readonly endpoint: string; readonly token: string };

/** The agent behind its socket: dispatcher and executor, with their watches. */
export interface WorkflowDispatcher {
  /**
   * `labels`: more labels of its Workflows. `held`: they are suspended when they are made, so that a controller makes no
   * pods of them.
   */
  open(options: {
    readonly place: WorkflowPlace;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly held?: boolean;
  }): Promise<void>;
  /** Starts that many runs at once: from the first start to the last answer. */
  dispatch(count: number): Promise<Made>;
  /** Resolves once that many runs have ended. */
  untilEnded(count: number): Promise<void>;
  /** One of the Workflows it made. */
  sample(): Workflow;
  collectedMemory(): Promise<OwnMemory>;
}

// As the agent does when it starts.
keepHeapSmall();

const clock = systemClock({ keepAlive: true });
const random = systemRandom();
const dispatching = createDispatching({ agentId: 'workflow-dispatcher', mostRuns: 10_000, clock, random });
const { observer } = dispatching;
let sample: Workflow | undefined;

serve<WorkflowDispatcher>({
  open: async ({ place, namespace, labels = {}, held = false }) => {
    const pods = { ...podSettings(), labels };
    dispatching.open(createArgoExecutor({ ...(await clients(place, held)), namespace, pods, clock, random }));
  },
  dispatch: dispatching.dispatch,
  untilEnded: dispatching.untilEnded,
  sample: () => {
    if (sample === undefined) throw new Error('no Workflow was made yet');
    return sample;
  },
  collectedMemory,
});

async function clients(place: WorkflowPlace, held: boolean) {
  if ('endpoint' in place) return { argo: sampled(createArgoServerApi({ ...place, clock, random, observer }), held) };
  const identity = await kubeconfigIdentity({ path: place.kubeconfig, clock });
  const kube = createKubeApi({ identity, clock, random, observer });
  return { argo: sampled(createArgoCrdApi({ kube }), held), kube };
}

function sampled(argo: ArgoApi, held: boolean): ArgoApi {
  const { workflows } = argo;
  const create: typeof workflows.create = (type, namespace, object, options) => {
    const made = held ? { ...object, spec: { ...(object as Workflow).spec, suspend: true } } : object;
    sample ??= made;
    return workflows.create(type, namespace, made, options);
  };
  return { ...argo, workflows: { ...workflows, create } };
}
