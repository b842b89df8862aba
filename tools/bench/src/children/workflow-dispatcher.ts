import { keepHeapSmall } from '@runner/agent/heap';
import { systemClock, systemRandom } from '@runner/core';
import { createDispatcher } from '@runner/dispatch';
import type { Dispatcher } from '@runner/dispatch';
import { testRunSpec } from '@runner/executor/testing';
import { createArgoCrdApi, createArgoExecutor, createArgoServerApi } from '@runner/executor-argo';
import type { ArgoApi, Workflow } from '@runner/executor-argo';
import { createKubeApi } from '@runner/kube';
import { kubeconfigIdentity } from '@runner/kube/kubeconfig';
import { configOf, runIdOf } from '../benches/frames.ts';
import { podSettings } from '../benches/job-settings.ts';
import type { OwnMemory } from '../measure/memory.ts';
import { collectedMemory } from '../measure/memory.ts';
import { serve } from '../measure/questions.ts';

/** How it reaches Argo: through its server alone, or through the API server. */
export type WorkflowPlace = { readonly kubeconfig: string } | { readonly endpoint: string; readonly token: string };

/** The agent behind its socket: dispatcher and executor, with their watches. */
export interface WorkflowDispatcher {
  /** `labels`: more labels of its Workflows. */
  open(options: {
    readonly place: WorkflowPlace;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
  }): Promise<void>;
  /** Starts that many runs at once; milliseconds from the first start to the last answer. */
  dispatch(count: number): Promise<number>;
  /** Resolves once that many runs have ended. */
  untilEnded(count: number): Promise<void>;
  /** One of the Workflows it made. */
  sample(): Workflow;
  collectedMemory(): Promise<OwnMemory>;
}

// As the agent does when it starts.
keepHeapSmall();

const MOST_RUNS = 5_000;
const CONFIG_BYTES = 8_192;
const OWNER = { controlPlaneId: 'bench', agentId: 'workflow-dispatcher' };

const clock = systemClock({ keepAlive: true });
const random = systemRandom();
const nothing = (): void => undefined;
let dispatcher: Dispatcher | undefined;
let sample: Workflow | undefined;
let started = 0;
const ended = new Set<string>();
let onAccepted = nothing;
let onEnded = nothing;

serve<WorkflowDispatcher>({
  open: async ({ place, namespace, labels = {} }) => {
    dispatcher = createDispatcher({
      executor: createArgoExecutor({
        ...(await clients(place)),
        namespace,
        pods: { ...podSettings(), labels },
        clock,
        random,
      }),
      agentId: OWNER.agentId,
      limits: { total: MOST_RUNS },
      startDeadlineSeconds: () => Infinity,
      reporter: {
        accepted: () => onAccepted(),
        refused: nothing,
        waiting: nothing,
        cancelled: nothing,
        observed: (seen) => {
          if (seen.presence !== 'present' || seen.phase !== 'ended') return;
          ended.add(seen.runId);
          onEnded();
        },
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
  untilEnded: (count) =>
    new Promise((resolve) => {
      onEnded = () => {
        if (ended.size >= count) resolve();
      };
      onEnded();
    }),
  sample: () => {
    if (sample === undefined) throw new Error('no Workflow was made yet');
    return sample;
  },
  collectedMemory,
});

async function clients(place: WorkflowPlace) {
  if ('endpoint' in place) return { argo: sampled(createArgoServerApi({ ...place, clock, random })) };
  const identity = await kubeconfigIdentity({ path: place.kubeconfig, clock });
  const kube = createKubeApi({ identity, clock, random });
  return { argo: sampled(createArgoCrdApi({ kube })), kube };
}

function sampled(argo: ArgoApi): ArgoApi {
  const { workflows } = argo;
  const create: typeof workflows.create = (type, namespace, object, options) => {
    sample ??= object;
    return workflows.create(type, namespace, object, options);
  };
  return { ...argo, workflows: { ...workflows, create } };
}
