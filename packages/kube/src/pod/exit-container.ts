import type { RunSpec } from '@runner/executor';
import { EXIT_COMMAND, MAIN_CONTAINER, exitEnvironment, secretsManagerEnvironment } from '@runner/executor';
import type { Container } from '../objects.ts';
import { authorityMounts } from './certificate-authority.ts';
import { extraEnvironment, literal } from './environment.ts';
import { imageFor } from './image.ts';
import { CONTAINER_SECURITY } from './security.ts';
import type { PodSettings } from './settings.ts';

export interface ExitContainerInput {
  readonly spec: RunSpec;
  readonly settings: PodSettings;
  /** Name of the Workflow, for `jobName`. */
  readonly workloadName: string;
  readonly namespace: string;
  /** Config of the exit step, as it stands in its environment. */
  readonly config: string;
  /** How the main program ended, or the expression that stands for it. */
  readonly status: string;
}

/** Source: defaults of OpenMetadata's own Kubernetes client for the same step. */
const EXIT_RESOURCES = {
  requests: { cpu: '100m', memory: '256Mi' },
  limits: { cpu: '500m', memory: '512Mi' },
} as const;

/**
 * The container of the step that runs after the main program and reports a bad end on its behalf: same image, credentials
 * and hardening, little of everything else. Its name is the main container's, as Argo wants it.
 */
export function buildExitContainer(input: ExitContainerInput): Container {
  const { spec, settings, workloadName, namespace, config, status } = input;
  const { secretsManager } = settings;
  const environment = exitEnvironment({
    spec,
    workloadName,
    namespace,
    config,
    status,
    ...(secretsManager === undefined ? {} : { secrets: secretsManagerEnvironment(secretsManager) }),
    extra: extraEnvironment(settings),
  });
  return {
    name: MAIN_CONTAINER,
    image: imageFor(settings.image, spec.openMetadataVersion),
    imagePullPolicy: settings.image.pullPolicy ?? 'IfNotPresent',
    command: [...EXIT_COMMAND],
    env: environment.map(({ name, value }) => ({ name, value: literal(value) })),
    resources: EXIT_RESOURCES,
    // Its volume is the pod's, which the main container brings.
    ...authorityMounts(settings.certificateAuthority),
    securityContext: CONTAINER_SECURITY,
  };
}
