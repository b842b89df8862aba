import type { RunSpec } from '@runner/executor';
import { MAIN_CONTAINER, secretsManagerFamily, workloadCommand, workloadKind } from '@runner/executor';
import type { Explanation } from '@runner/scheduling';
import { applyPlacement, placementFor } from '@runner/scheduling';
import type { Container, PodSpec, PodTemplate } from '../objects.ts';
import { authorityMounts, authorityVolumes } from './certificate-authority.ts';
import { containerEnvironment } from './environment.ts';
import { imageFor } from './image.ts';
import { podAnnotations, podLabels } from './labels.ts';
import { wholeSeconds } from './seconds.ts';
import { CONTAINER_SECURITY, podSecurity } from './security.ts';
import type { ConfigDelivery, PodSettings } from './settings.ts';

export interface PodTemplateInput {
  readonly spec: RunSpec;
  readonly settings: PodSettings;
  /** Name of the Job or Workflow, for `jobName`. */
  readonly workloadName: string;
  /** Namespace of the pod. */
  readonly namespace: string;
  readonly delivery: ConfigDelivery;
  /** Called once, with the setting that decided each field of the placement. */
  readonly explain?: (explanation: readonly Explanation[]) => void;
}

const DEFAULT_GRACE_SECONDS = 10;

/**
 * The pod of a run, as a value: command, environment and labels of the ingestion image's contract, which no setting can
 * change, placement by pipeline type, and the hardening of the Pod Security standard `restricted`. Uses no field that is
 * newer than Kubernetes 1.28. The run's own deadline is the pod's: a Job's would count the time it waits.
 */
export function buildPodTemplate(input: PodTemplateInput): PodTemplate {
  const { spec, settings } = input;
  const resolved = placementFor(placementType(spec), settings.scheduling);
  const { pod, explanation } = applyPlacement(podSpec(input), MAIN_CONTAINER, resolved);
  input.explain?.(explanation);
  const annotations = podAnnotations(settings);
  return {
    metadata: { labels: podLabels(spec, settings), ...(annotations === undefined ? {} : { annotations }) },
    spec: pod,
  };
}

/** Key of the placement settings that a run falls under. */
export function placementType(spec: Pick<RunSpec, 'kind' | 'pipelineType'>): string {
  const kind = workloadKind(spec);
  return kind === 'pipeline' ? spec.pipelineType : kind;
}

function podSpec(input: PodTemplateInput): PodSpec {
  const { spec, settings } = input;
  const pullSecrets = settings.image.pullSecrets ?? [];
  return {
    restartPolicy: 'Never',
    activeDeadlineSeconds: wholeSeconds(spec.deadlineSeconds, 1),
    terminationGracePeriodSeconds: settings.graceSeconds ?? DEFAULT_GRACE_SECONDS,
    serviceAccountName: settings.serviceAccountName,
    automountServiceAccountToken: mountsToken(settings),
    // A variable for each Service of the namespace: they may be thousands, and count against the size of the environment.
    // Those of the API server come all the same.
    enableServiceLinks: false,
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    securityContext: podSecurity(settings.openShift === true),
    containers: [mainContainer(input)],
    ...authorityVolumes(settings.certificateAuthority),
  };
}

function mainContainer(input: PodTemplateInput): Container {
  const { spec, settings, delivery } = input;
  return {
    name: MAIN_CONTAINER,
    image: imageFor(settings.image, spec.openMetadataVersion),
    imagePullPolicy: settings.image.pullPolicy ?? 'IfNotPresent',
    command: [...workloadCommand(spec)],
    env: containerEnvironment(spec, settings, input, delivery),
    ...authorityMounts(settings.certificateAuthority),
    securityContext: CONTAINER_SECURITY,
  };
}

/** Only the provider `kubernetes` speaks to the API server; cloud identities bring tokens of their own. */
function mountsToken(settings: PodSettings): boolean {
  const { automountServiceAccountToken, secretsManager } = settings;
  if (automountServiceAccountToken !== undefined) return automountServiceAccountToken;
  return secretsManager !== undefined && secretsManagerFamily(secretsManager.provider) === 'kubernetes';
}
