import type { Diagnosis } from '@runner/executor';
import type { ContainerStatus, KubeEvent } from '../objects.ts';
import { clusterText, sentence } from './cluster-text.ts';
import { latestEvent, withReason } from './events.ts';
import { RENEW_PULL_SECRET, imagePullFailure } from './image-pull.ts';
import { backOffOf } from './pull-reason.ts';
import { startFailure } from './start-failure.ts';

const PULLING = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'RegistryUnavailable',
  'ImageInspectError',
  'SignatureValidationFailed',
]);

/** Why a container waits; undefined when it is only being prepared. */
export function containerWaiting(
  { state, image, name }: ContainerStatus,
  events: readonly KubeEvent[],
): Diagnosis | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {};
  if (PULLING.has(reason)) return pulling(message === '' ? reason : message, image, events);
  switch (reason) {
    case 'InvalidImageName':
      return {
        category: 'image',
        code: 'image_name_invalid',
        message: `"${clusterText(image)}" is no name of an image.`,
        hint: 'Correct INGESTION_IMAGE: registry/repository:tag, in lower-case letters, without https://.',
        permanent: true,
      };
    case 'ErrImageNeverPull':
      return {
        category: 'image',
        code: 'image_never_pulled',
        message: `The image ${clusterText(image)} is not on the node, and the pull policy Never forbids to fetch it.`,
        hint: 'Load the image onto the node, or allow IfNotPresent.',
        permanent: true,
      };
    case 'CreateContainerConfigError':
      return configError(message);
    case 'RunContainerError':
    case 'StartError':
      return startFailure(message);
    case 'CreateContainerError':
    case 'PreCreateHookError':
    case 'PreStartHookError':
    case 'PostStartHookError':
      return {
        category: 'unknown',
        code: 'container_not_created',
        message: sentence(`The node cannot create the container ${name}`, message),
        hint: 'See kubectl describe pod.',
        permanent: false,
      };
    case 'CrashLoopBackOff':
      return {
        category: 'program',
        code: 'init_container_failing',
        message: `The container ${name}, which was added to the pod, ends with an error again and again.`,
        hint: `See its log: kubectl logs --container ${name}. The program of the run begins after it.`,
        permanent: false,
      };
    default:
      return undefined;
  }
}

/** Kubelets before 1.32 say only that they back off; the reason is in the event then. */
function pulling(message: string, image: string, events: readonly KubeEvent[]): Diagnosis {
  const backOff = backOffOf(message);
  const failed = latestEvent(
    events,
    (event) => event.reason === 'Failed' && (event.message ?? '').startsWith('Failed to pull image'),
  );
  const text = backOff === undefined ? message : (backOff.reason ?? failed?.message ?? message);
  const diagnosis = imagePullFailure(text, image);
  const missing = missingPullSecrets(events);
  if (missing === undefined || diagnosis.code !== 'image_unauthorized') return diagnosis;
  return {
    category: 'image',
    code: 'pull_secret_missing',
    message: `The registry does not give the image ${clusterText(image)} to this cluster, and the pull secret ${missing} does not exist in the namespace of the pod.`,
    hint: `Create the Secret (type kubernetes.io/dockerconfigjson) there, or correct INGESTION_IMAGE_PULL_SECRETS. One that the registry helper makes: ${RENEW_PULL_SECRET}.`,
    permanent: true,
  };
}

function missingPullSecrets(events: readonly KubeEvent[]): string | undefined {
  const event = latestEvent(events, withReason('FailedToRetrieveImagePullSecret'));
  const names = /\(([^)]+)\)/.exec(event?.message ?? '')?.[1];
  return names === undefined ? undefined : clusterText(names);
}

const MISSING_OBJECT = /(secret|configmap) "([^"]+)" not found/i;
const MISSING_KEY = /couldn't find key (\S+) in (Secret|ConfigMap) (\S+)/;
const ROOT = /runAsNonRoot|non-root|runAsUser breaks/;

function configError(text: string): Diagnosis {
  const object = MISSING_OBJECT.exec(text);
  if (object !== null) {
    return {
      category: 'configuration',
      code: 'config_missing',
      message: `The pod needs the ${kindOf(object[1])} ${object[2] ?? ''}, which does not exist.`,
      hint: 'Create it in the namespace of the pod. If it holds the config of the run, somebody deleted it, or the agent could not create it (its log says why): start the run again.',
      permanent: true,
    };
  }
  const key = MISSING_KEY.exec(text);
  if (key !== null) {
    return {
      category: 'configuration',
      code: 'config_key_missing',
      message: `The pod needs the key ${key[1] ?? ''} of the ${kindOf(key[2])} ${clusterText(key[3] ?? '')}, which is not there.`,
      hint: 'Add the key, or start the run again if the object holds its config.',
      permanent: true,
    };
  }
  if (ROOT.test(text)) {
    return {
      category: 'configuration',
      code: 'image_runs_as_root',
      message: sentence('The pod must not run as root, and the node cannot be sure of that', text),
      hint: 'Use an image whose USER is a number other than 0 (the ingestion image has 1000).',
      permanent: true,
    };
  }
  return {
    category: 'configuration',
    code: 'container_config_error',
    message: sentence('The node cannot prepare the container', text),
    hint: 'See kubectl describe pod.',
    permanent: false,
  };
}

const kindOf = (word: string | undefined): string => (word?.toLowerCase() === 'secret' ? 'Secret' : 'ConfigMap');
