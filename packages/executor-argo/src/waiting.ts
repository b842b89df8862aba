import type { Diagnosis } from '@runner/executor';
import type { DiagnosisContext, NodeTaints, Pod } from '@runner/kube';
import { diagnose, diagnoseRefusal } from '@runner/kube';
import { isLivePod, timeOf } from '@runner/kube/runs';
import { podOfNode } from './node-evidence.ts';
import type { WorkflowSight } from './sight.ts';
import { isMainOver, mainNodeOf, mainPodOf } from './sight.ts';
import type { Workflow } from './workflow/objects.ts';

export interface WaitingContext {
  readonly diagnosis: DiagnosisContext;
  readonly nodes?: readonly NodeTaints[];
  /** Epoch milliseconds. */
  readonly now: number;
  /** Milliseconds after which a Workflow that nobody has touched is said to wait for the controller. */
  readonly untouchedMs: number;
}

/** Why a run does not get on, if it does not: Argo's own reasons first, then those of its pod. */
export function whyWaiting(sight: WorkflowSight, context: WaitingContext): Diagnosis | undefined {
  const { workflow } = sight;
  const pod = mainPodOf(sight);
  if (isMainOver(sight)) return undefined;
  if (pod !== undefined && isLivePod(pod)) return helperImage(pod) ?? ofPod(sight, pod, context);
  return workflow === undefined ? undefined : (ofWorkflow(workflow, context) ?? ofNode(workflow, context));
}

function ofPod(sight: WorkflowSight, pod: Pod, { diagnosis, nodes }: WaitingContext): Diagnosis | undefined {
  const { events } = sight;
  return diagnose({
    pod,
    ...(events === undefined ? {} : { events }),
    ...(nodes === undefined ? {} : { nodes }),
    context: diagnosis,
  });
}

/** Containers that Argo adds to every pod. */
const HELPERS: ReadonlySet<string> = new Set(['init', 'wait']);

/** The image of Argo's own containers, which no setting of the runner names. */
function helperImage(pod: Pod): Diagnosis | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const pulling = [...initContainerStatuses, ...containerStatuses].filter(({ state }) =>
    isPulling(state?.waiting?.reason),
  );
  // An image of the run's own is the nearer reason.
  const helper = pulling.every(({ name }) => HELPERS.has(name)) ? pulling[0] : undefined;
  if (helper === undefined) return undefined;
  const { image, state } = helper;
  return executorImage(image, state?.waiting?.message ?? '');
}

const isPulling = (reason = ''): boolean => /image/i.test(reason) || reason === 'RegistryUnavailable';

function executorImage(image: string, said: string): Diagnosis {
  const why = said === '' ? '' : `: ${said.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
  return {
    category: 'image',
    code: 'executor_image_missing',
    message: `The node cannot pull the image ${image === '' ? '' : `${image} `}of Argo's own containers${why}.`,
    hint: 'It is named by --executor-image of the workflow controller (executor.image in its chart). Make it reachable from the nodes, or name a mirror there.',
    permanent: false,
  };
}

const POSTPONED = /too many workflows are already running/i;
const LOCK = /^Waiting for (\S+) lock\b[^\n]*/;

function ofWorkflow({ metadata, spec, status = {} }: Workflow, context: WaitingContext): Diagnosis | undefined {
  const { phase = '', message = '' } = status;
  if (spec?.suspend === true) return SUSPENDED;
  const [lockText, lock] = LOCK.exec(message) ?? [];
  if (lock !== undefined) return lockWait(lock, lockText ?? message);
  if (POSTPONED.test(message)) return PARALLELISM;
  const created = timeOf(metadata?.creationTimestamp);
  const isOld = created !== undefined && context.now - created >= context.untouchedMs;
  return phase === '' && isOld ? UNTOUCHED : undefined;
}

function ofNode(workflow: Workflow, { diagnosis, nodes }: WaitingContext): Diagnosis | undefined {
  const node = mainNodeOf(workflow);
  if (node === undefined) return undefined;
  const { message = '' } = node;
  const lock = node.synchronizationStatus?.waiting;
  if (lock !== undefined && lock !== '') return lockWait(lock, message);
  if (node.phase !== 'Pending') return undefined;
  if (/\bis forbidden: |exceeded quota|denied the request/.test(message)) return diagnoseRefusal(message, diagnosis);
  const pod = podOfNode(node);
  if (pod === undefined) return undefined;
  return diagnose({ pod, ...(nodes === undefined ? {} : { nodes }), context: diagnosis });
}

const SUSPENDED: Diagnosis = {
  category: 'suspended',
  code: 'workflow_suspended',
  message: 'The Workflow is suspended: somebody holds it back.',
  hint: 'It goes on when it is resumed (argo resume); the start deadline does not run meanwhile.',
  permanent: false,
};

function lockWait(lock: string, message: string): Diagnosis {
  const status = /Lock status: (\S+)/.exec(message)?.[1];
  return {
    category: 'quota',
    code: 'lock_wait',
    message: `The Workflow waits for the lock ${lock}${status === undefined ? '' : ` (${status} free)`}, which others hold.`,
    hint: 'It starts when one of them has ended. The lock comes from the file in ARGO_INGESTION_WORKFLOW_SPEC_FILE_PATH or from the workflowDefaults of the controller.',
    permanent: false,
  };
}

const PARALLELISM: Diagnosis = {
  category: 'quota',
  code: 'parallelism_limit',
  message:
    'Argo starts no more Workflows at the same time: the limit of its controller or of the namespace is reached.',
  hint: 'It starts when others have ended. Raise parallelism or namespaceParallelism of the controller, or narrow the limits of the agent.',
  permanent: false,
};

const UNTOUCHED: Diagnosis = {
  category: 'scheduling',
  code: 'controller_not_running',
  message: 'No workflow controller has begun with the Workflow.',
  hint: 'See whether the workflow controller runs, has the right to this namespace, and is told the same instance id; one that is busy comes later.',
  permanent: false,
};
